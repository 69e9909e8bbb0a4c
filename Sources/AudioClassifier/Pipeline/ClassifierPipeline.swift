internal import AudioFrontend
internal import Kernels
internal import StreamTransformer
package import StrictCoding

/// Samples in, predictions out: the path from audio to probabilities of one stream, live or in a file.
public struct ClassifierPipeline: ~Copyable {
    private let audioModel: AudioModel
    private var frontend: PipelineFrontend
    private var stream: StreamState
    private var prediction: Prediction

    public init(_ audioModel: AudioModel) throws {
        let frontend = try PipelineFrontend(audioModel.recipe)
        self.audioModel = audioModel
        self.frontend = frontend
        stream = audioModel.model.makeStream()
        prediction = Prediction(probabilities: audioModel.model.configuration.labels.map { _ in 0 })
    }

    /// Samples taken in so far.
    public var samples: Int64 { frontend.position }
    /// Predictions made so far.
    public var predictions: Int64 { stream.tokens }

    /// Takes the next samples, at the model's rate, and hands over every prediction that they complete.
    public mutating func push(_ samples: Span<Float>, _ body: (borrowing Prediction) throws -> Void) throws {
        let model = audioModel.model
        var taken = 0
        while taken < samples.count {
            var isNew = false
            taken += try frontend.push(samples, from: taken) { frame throws(ModelError) in
                if try model.step(frame, &stream) { isNew = true }
            }
            if isNew { try predict(body) }
        }
    }

    /// The input has ended.
    public mutating func finish(_ body: (borrowing Prediction) throws -> Void) throws {
        let model = audioModel.model
        var zeros = frontend.endZeros
        while zeros > 0 {
            var isNew = false
            try frontend.pushEnd(&zeros) { frame throws(ModelError) in
                if try model.step(frame, &stream) { isNew = true }
            }
            if isNew { try predict(body) }
        }
    }

    private mutating func predict(_ body: (borrowing Prediction) throws -> Void) throws {
        let model = audioModel.model
        frontend.describe(&prediction, tokens: stream.tokens, warmUpTokens: model.warmUpTokens)
        stream.copyLogits(to: &prediction.probabilities)
        model.configuration.activation.apply(to: &prediction.probabilities)
        try body(prediction)
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        frontend.snapshot(to: &writer)
        stream.snapshot(to: &writer)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try frontend.restore(from: &reader)
        try stream.restore(from: &reader)
    }
}
