internal import Kernels
internal import StreamTransformer
package import StrictCoding

/// The pipelines of many live streams of one model, whose tokens go through the encoder together.
///
/// Each stream gets, bit for bit, the predictions of a ``ClassifierPipeline`` of its own. It receives samples until
/// they complete a token, and the next ones after ``step()``.
package struct PipelineBatch: ~Copyable {
    package let audioModel: AudioModel
    private var batch: StreamBatch
    private var prediction: Prediction

    /// - Parameter capacity: the largest number of streams.
    package init(_ audioModel: AudioModel, capacity: Int) {
        self.audioModel = audioModel
        batch = StreamBatch(audioModel.network, capacity: capacity)
        prediction = Prediction(audioModel)
    }

    /// Returns the largest number of streams whose tokens of one step fit into 256 MiB.
    package static func largestCapacity(_ audioModel: AudioModel) -> Int {
        StreamBatch.largestCapacity(audioModel.network, bytes: 1 << 28)
    }

    /// Returns a slot for a new stream, or `nil` if the batch is full.
    package mutating func join() -> Int? { batch.join() }

    /// Ends the stream in a slot, which another stream may then get.
    package mutating func leave(_ slot: Int) { batch.leave(slot: slot) }

    /// Receives samples from `start` on, up to the end of the next frame.
    /// - Parameter features: called with the frame that they complete.
    /// - Returns: the number of samples received, and whether they completed a token.
    package mutating func push(
        _ samples: Span<Float>, from start: Int, _ frontend: inout PipelineFrontend, slot: Int,
        features: (Span<Float>) -> Void
    ) throws(ClassifierError) -> (taken: Int, isToken: Bool) {
        var isToken = false
        let taken = try frontend.push(samples, from: start) { frame throws(ClassifierError) in
            features(frame)
            do { isToken = try batch.push(frame, slot: slot) } catch { throw ClassifierError(error) }
        }
        return (taken, isToken)
    }

    /// Receives zeros behind the end of the input, up to the end of the next frame.
    /// - Returns: whether they completed a token.
    package mutating func pushEnd(
        _ remaining: inout Int, _ frontend: inout PipelineFrontend, slot: Int
    ) throws(ClassifierError) -> Bool {
        var isToken = false
        try frontend.pushEnd(&remaining) { frame throws(ClassifierError) in
            do { isToken = try batch.push(frame, slot: slot) } catch { throw ClassifierError(error) }
        }
        return isToken
    }

    /// Encodes the tokens of all streams that have one.
    /// - Returns: the number of tokens.
    package mutating func step() -> Int { batch.step() }

    /// Calls `body` with the prediction of a stream whose token has been encoded.
    /// - Throws: ``ClassifierError`` with the code `non_finite_logits`, after which this stream cannot go on.
    package mutating func predict<Result>(
        _ frontend: inout PipelineFrontend, slot: Int, _ body: (Prediction) -> Result
    ) throws(ClassifierError) -> Result {
        let model = audioModel.network
        do { try batch.checkLogits(slot: slot) } catch { throw ClassifierError(error) }
        frontend.describe(&prediction, tokens: batch.tokens(slot: slot), warmUpTokens: model.warmUpTokens)
        batch.copyLogits(slot: slot, to: &prediction.probabilities)
        model.configuration.activation.apply(to: &prediction.probabilities)
        return body(prediction)
    }

    /// Returns the number of predictions of the stream in a slot.
    package func predictions(slot: Int) -> Int64 { batch.tokens(slot: slot) }

    package func snapshot(
        _ frontend: borrowing PipelineFrontend, slot: Int, to writer: inout SnapshotWriter
    ) {
        frontend.snapshot(to: &writer)
        batch.snapshot(slot: slot, to: &writer)
    }

    package mutating func restore(
        _ frontend: inout PipelineFrontend, slot: Int, from reader: inout SnapshotReader
    ) throws(SnapshotReader.Truncated) {
        try frontend.restore(from: &reader)
        try batch.restore(slot: slot, from: &reader)
        guard frontend.frames == batch.frames(slot: slot) else { throw SnapshotReader.Truncated() }
    }
}
