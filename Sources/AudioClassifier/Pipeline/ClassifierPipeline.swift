internal import AudioFrontend
internal import Kernels
internal import StreamTransformer
package import StrictCoding

/// The path from samples to predictions of one stream, live or in a file.
///
/// ```swift
/// let model = try AudioModel(named: "general")
/// var classifier = try ClassifierPipeline(model)
/// try classifier.push(samples) { print($0.best.label, $0.best.probability) }
/// ```
///
/// The predictions are the same, bit for bit, however the samples are cut into calls of ``push(_:_:)-(Span<Float>,_)``.
/// After its `init` a pipeline allocates no memory. It has one owner, who calls it from one thread at a time.
public struct ClassifierPipeline: ~Copyable {
    /// The model whose predictions these are.
    public let model: AudioModel
    /// The newest prediction.
    private(set) var prediction: Prediction
    private var frontend: PipelineFrontend
    private var stream: StreamState

    /// Makes the pipeline of a new stream.
    public init(_ model: AudioModel) throws(ClassifierError) {
        do { frontend = try PipelineFrontend(model.tables) } catch { throw ClassifierError(error) }
        self.model = model
        stream = model.network.makeStream()
        prediction = Prediction(model)
    }

    /// Number of samples received.
    public var sampleCount: Int64 { frontend.position }
    /// Number of predictions made.
    public var predictionCount: Int64 { stream.tokens }

    /// Receives samples at the model's rate and calls `body` with every prediction that they complete.
    ///
    /// An error that `body` throws ends the call; the samples behind that prediction are not received.
    /// - Throws: the error of `body`, or a ``ClassifierError`` for a sample or a logit that is not finite.
    public mutating func push(_ samples: Span<Float>, _ body: (Prediction) throws -> Void) throws {
        var position = 0
        while try advance(samples, from: &position) { try body(prediction) }
    }

    /// Receives samples of an array, a slice, or another collection.
    ///
    /// Collections in contiguous memory are not copied. Otherwise the same as ``push(_:_:)-(Span<Float>,_)``.
    public mutating func push(_ samples: some Collection<Float>, _ body: (Prediction) throws -> Void) throws {
        let isDone: Void? = try samples.withContiguousStorageIfAvailable { try push(unsafe $0.span, body) }
        if isDone == nil { try push(Array(samples).span, body) }
    }

    /// Ends the input and calls `body` with the predictions that only its end completes.
    ///
    /// A recipe that centres its frames has a few of them at the end; other recipes have none.
    public mutating func finish(_ body: (Prediction) throws -> Void) throws {
        var zeros = endZeros
        while try advanceEnd(&zeros) { try body(prediction) }
    }

    /// Begins a new stream, as a new pipeline would.
    public mutating func reset() {
        frontend.reset()
        stream.reset()
    }

    /// Number of zeros that follow the end of the input.
    var endZeros: Int { frontend.endZeros }

    /// Receives samples from `position` on, until they complete a prediction or all of them are received.
    /// - Returns: whether ``prediction`` is a new one.
    mutating func advance(_ samples: Span<Float>, from position: inout Int) throws(ClassifierError) -> Bool {
        let network = model.network
        while position < samples.count {
            var isNew = false
            position += try frontend.push(samples, from: position) { frame throws(ClassifierError) in
                do { if try network.step(frame, &stream) { isNew = true } } catch { throw ClassifierError(error) }
            }
            guard isNew else { continue }
            updatePrediction()
            return true
        }
        return false
    }

    /// Receives zeros behind the end of the input, until they complete a prediction or all of them are received.
    /// - Returns: whether ``prediction`` is a new one.
    mutating func advanceEnd(_ zeros: inout Int) throws(ClassifierError) -> Bool {
        let network = model.network
        while zeros > 0 {
            var isNew = false
            try frontend.pushEnd(&zeros) { frame throws(ClassifierError) in
                do { if try network.step(frame, &stream) { isNew = true } } catch { throw ClassifierError(error) }
            }
            guard isNew else { continue }
            updatePrediction()
            return true
        }
        return false
    }

    private mutating func updatePrediction() {
        let network = model.network
        frontend.describe(&prediction, tokens: stream.tokens, warmUpTokens: network.warmUpTokens)
        stream.copyLogits(to: &prediction.probabilities)
        network.configuration.activation.apply(to: &prediction.probabilities)
    }

    /// Bytes of the largest state that ``snapshot(to:)`` writes.
    package var largestSnapshot: Int {
        var writer = SnapshotWriter()
        stream.snapshot(to: &writer)
        return writer.bytes.count + frontend.largestSnapshot
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        frontend.snapshot(to: &writer)
        stream.snapshot(to: &writer)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try frontend.restore(from: &reader)
        try stream.restore(from: &reader)
        guard frontend.frames == stream.frames else { throw SnapshotReader.Truncated() }
    }
}
