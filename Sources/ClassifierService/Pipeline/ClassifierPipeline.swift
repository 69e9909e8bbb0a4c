public import AudioFrontend
internal import FoundationEssentials
internal import Glibc
package import Kernels
public import StreamTransformer
internal import StrictDecoding

/// A model that takes audio: the model and the front-end that its configuration names.
public struct AudioModel: Sendable {
    public let model: Model
    public let recipe: LogMelRecipe

    /// - Throws: ``ServiceError`` where the model takes no audio, or its front-end does not make its features.
    public init(_ model: Model) throws(ServiceError) {
        let name = model.configuration.name
        guard let frontend = model.configuration.frontend else {
            throw ServiceError(
                .configuration, code: "frontend",
                "\(name) takes a feature stream, not audio: use audio-classifierd encode --features")
        }
        do {
            recipe = try JSONDecoder().decode(LogMelRecipe.self, from: JSONEncoder().encode(frontend))
        } catch {
            let reason = (error as? DecodingError)?.explanation ?? "\(error)"
            throw ServiceError(.configuration, code: "frontend", "\(model.directory)/config.json: frontend.\(reason)")
        }
        guard recipe.bands == model.configuration.inputWidth else {
            throw ServiceError(
                .configuration, code: "frontend",
                "\(model.directory)/config.json: the front-end makes \(recipe.bands) bands, input_width is \(model.configuration.inputWidth)"
            )
        }
        self.model = model
    }

    /// Samples from one prediction to the next.
    public var hop: Int { recipe.hop * model.framesPerToken }
}

/// One prediction.
public struct Prediction: Sendable {
    /// Index of the step in its stream.
    public internal(set) var frame: Int64 = 0
    /// Samples of the input, at the model's rate, up to the newest one that the prediction has seen.
    public internal(set) var sample: Int64 = 0
    /// The same in seconds.
    public internal(set) var time = 0.0
    /// Whether the attention window is full.
    public internal(set) var isWarm = false
    /// One a label.
    public internal(set) var probabilities: [Float]
    /// Level of the samples since the last prediction, in dB relative to full scale; -120 at least.
    public internal(set) var level = 0.0

    package init(
        frame: Int64 = 0, sample: Int64 = 0, time: Double = 0, isWarm: Bool = false, probabilities: [Float],
        level: Double = 0
    ) {
        self.frame = frame
        self.sample = sample
        self.time = time
        self.isWarm = isWarm
        self.probabilities = probabilities
        self.level = level
    }
}

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

extension ModelConfiguration.OutputActivation {
    /// Logits to probabilities, in place.
    func apply(to values: inout [Float]) {
        switch self {
        case .sigmoid:
            for index in values.indices { values[index] = 1 / (1 + expf(-values[index])) }
        case .softmax:
            let top = values.max() ?? 0
            var total: Float = 0
            for index in values.indices {
                values[index] = expf(values[index] - top)
                total += values[index]
            }
            for index in values.indices { values[index] /= total }
        }
    }
}
