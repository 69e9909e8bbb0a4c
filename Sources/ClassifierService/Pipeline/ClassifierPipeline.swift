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

/// Samples in, predictions out: the only path from audio to probabilities, for files and for live streams.
public struct ClassifierPipeline: ~Copyable {
    private let audioModel: AudioModel
    private var extractor: LogMelExtractor
    private var stream: StreamState
    private var position: Int64 = 0
    private var energy = 0.0
    private var measured = 0
    private var prediction: Prediction

    public init(_ audioModel: AudioModel) throws {
        let extractor = try LogMelExtractor(audioModel.recipe)
        self.audioModel = audioModel
        self.extractor = extractor
        stream = audioModel.model.makeStream()
        prediction = Prediction(probabilities: audioModel.model.configuration.labels.map { _ in 0 })
    }

    /// Samples taken in so far.
    public var samples: Int64 { position }
    /// Predictions made so far.
    public var predictions: Int64 { stream.tokens }

    /// Takes the next samples, at the model's rate, and hands over every prediction that they complete.
    public mutating func push(_ samples: Span<Float>, _ body: (borrowing Prediction) throws -> Void) throws {
        var taken = 0
        while taken < samples.count {
            // Up to the end of the next frame, so that a prediction's level and position do not depend on how the samples
            // are cut.
            let recipe = audioModel.recipe
            let frameEnd = extractor.frames * Int64(recipe.hop) + Int64(recipe.frameSpan - recipe.leadingZeros)
            let count = min(samples.count - taken, Int(max(1, frameEnd - position)))
            let piece = samples.extracting(taken..<taken + count)
            for index in piece.indices { energy += Double(piece[index]) * Double(piece[index]) }
            measured += count
            position += Int64(count)
            taken += count
            try advance(piece, body)
        }
    }

    /// The input has ended.
    public mutating func finish(_ body: (borrowing Prediction) throws -> Void) throws {
        guard audioModel.recipe.center else { return }
        let zeros = [Float](repeating: 0, count: audioModel.recipe.leadingZeros)
        for index in zeros.indices { try advance(zeros.span.extracting(index..<index + 1), body) }
    }

    private mutating func advance(_ piece: Span<Float>, _ body: (borrowing Prediction) throws -> Void) throws {
        var isNew = false
        let model = audioModel.model
        try extractor.push(piece) { frame throws(ModelError) in
            if try model.step(frame, &stream) { isNew = true }
        }
        guard isNew else { return }
        prediction.frame = stream.tokens - 1
        prediction.sample = position
        prediction.time = Double(position) / Double(audioModel.recipe.sampleRate)
        prediction.isWarm = stream.tokens >= Int64(model.warmUpTokens)
        prediction.level = max(-120, 10 * log10(max(energy / Double(max(measured, 1)), 1e-12)))
        energy = 0
        measured = 0
        stream.copyLogits(to: &prediction.probabilities)
        model.configuration.activation.apply(to: &prediction.probabilities)
        try body(prediction)
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(position)
        writer.write(Int64(bitPattern: energy.bitPattern))
        writer.write(measured)
        extractor.snapshot(to: &writer)
        stream.snapshot(to: &writer)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        // No stream gets as far, and up to there neither positions nor times can overflow.
        position = Int64(try reader.readInt(in: 0...1 << 48))
        energy = Double(bitPattern: UInt64(bitPattern: try reader.readInt64()))
        measured = try reader.readInt(in: 0...1 << 48)
        guard energy.isFinite && energy >= 0 else { throw SnapshotReader.Truncated() }
        try extractor.restore(from: &reader)
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
