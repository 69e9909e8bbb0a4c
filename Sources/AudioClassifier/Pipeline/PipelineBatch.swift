internal import Kernels
package import StreamTransformer
package import StrictCoding

/// The pipelines of many live streams of one model, whose tokens go through the encoder together. Each stream gets, bit
/// for bit, the predictions of a ``ClassifierPipeline`` of its own.
///
/// A stream takes samples until they complete a token; it takes the next ones after ``step()``.
package struct PipelineBatch: ~Copyable {
    package let audioModel: AudioModel
    private var batch: StreamBatch
    private var prediction: Prediction

    /// - Parameter capacity: the largest number of streams.
    package init(_ audioModel: AudioModel, capacity: Int) {
        self.audioModel = audioModel
        batch = StreamBatch(audioModel.model, capacity: capacity)
        prediction = Prediction(probabilities: audioModel.model.configuration.labels.map { _ in 0 })
    }

    /// A place for a new stream, or nil where there is no room.
    package mutating func join() -> Int? { batch.join() }

    package mutating func leave(_ place: Int) { batch.leave(slot: place) }

    /// Takes samples from `start` on, up to the end of the next frame.
    /// - Parameter features: shown the frame that they complete.
    /// - Returns: how many were taken, and whether they completed a token.
    package mutating func push(
        _ samples: Span<Float>, from start: Int, _ frontend: inout PipelineFrontend, place: Int,
        features: (Span<Float>) -> Void
    ) throws(ModelError) -> (taken: Int, isToken: Bool) {
        var isToken = false
        let taken = try frontend.push(samples, from: start) { frame throws(ModelError) in
            features(frame)
            isToken = try batch.push(frame, slot: place)
        }
        return (taken, isToken)
    }

    /// Takes zeros behind the end of the input, up to the end of the next frame.
    /// - Returns: whether they completed a token.
    package mutating func pushEnd(
        _ remaining: inout Int, _ frontend: inout PipelineFrontend, place: Int
    ) throws(ModelError) -> Bool {
        var isToken = false
        try frontend.pushEnd(&remaining) { frame throws(ModelError) in
            isToken = try batch.push(frame, slot: place)
        }
        return isToken
    }

    /// Encodes the tokens of all streams that have one.
    /// - Returns: how many they were.
    package mutating func step() -> Int { batch.step() }

    /// The prediction of a stream whose token has been encoded.
    package mutating func predict<Result>(
        _ frontend: inout PipelineFrontend, place: Int, _ body: (borrowing Prediction) -> Result
    ) -> Result {
        let model = audioModel.model
        frontend.describe(&prediction, tokens: batch.tokens(slot: place), warmUpTokens: model.warmUpTokens)
        batch.copyLogits(slot: place, to: &prediction.probabilities)
        model.configuration.activation.apply(to: &prediction.probabilities)
        return body(prediction)
    }

    /// Predictions that the stream at `place` has had.
    package func predictions(place: Int) -> Int64 { batch.tokens(slot: place) }

    package func snapshot(
        _ frontend: borrowing PipelineFrontend, place: Int, to writer: inout SnapshotWriter
    ) {
        frontend.snapshot(to: &writer)
        batch.snapshot(slot: place, to: &writer)
    }

    package mutating func restore(
        _ frontend: inout PipelineFrontend, place: Int, from reader: inout SnapshotReader
    ) throws(SnapshotReader.Truncated) {
        try frontend.restore(from: &reader)
        try batch.restore(slot: place, from: &reader)
    }
}
