internal import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport

/// Returns a model's description with these labels and defaults, without a model.
func configuration(
    labels: [String] = ["horn", "dog", "quiet"], background: [String] = ["quiet"],
    decision: [String: JSONValue] = [:], smoothing: Int = 0, summary: [String: String] = [:],
    summaryStart: Int = 0, parents: [String: [String]] = [:]
) throws -> ModelConfiguration {
    var defaults: [String: JSONValue] = [
        "threshold": 0.6, "threshold_off": 0.4, "min_duration_ms": 0, "max_gap_ms": 0, "refractory_ms": 0,
    ]
    defaults.merge(decision) { $1 }
    let json = ModelShape().configuration
        .with(["labels"], .array(labels.map { .string($0) }))
        .with(["background"], .array(background.map { .string($0) }))
        .with(["decision"], .object(defaults))
        .with(["smoothing_ms"], .number(Double(smoothing)))
        .with(["summary_from_ms"], .number(Double(summaryStart)))
        .with(["summary"], .object(summary.mapValues { .string($0) }))
        .with(["parents"], .object(parents.mapValues { .array($0.map { .string($0) }) }))
    return try JSONDecoder().decode(ModelConfiguration.self, from: JSONEncoder().encode(json))
}

/// Returns a prediction as the pipeline would make it at this time, in milliseconds.
func prediction(
    _ probabilities: [Float], at milliseconds: Int, index: Int = 0, level: Double = -20,
    labels: [String] = ["horn", "dog", "quiet"]
) -> Prediction {
    Prediction(
        labels: labels, probabilities: probabilities, index: Int64(index),
        sample: Int64(milliseconds * 16), time: Double(milliseconds * 16) / 16000, isWarm: true, level: level)
}

/// A small random model that takes audio; its folder lasts as long as the owner of `files`.
func audioModel(
    frames: Int = 2, isCentred: Bool = false, seed: UInt64 = 5
) throws -> (model: AudioModel, files: TemporaryModel) {
    var shape = ModelShape()
    shape.seed = seed
    shape.bands = 12
    shape.stem = .linear(frames: frames)
    shape.attention = .continualNystrom(landmarks: 3, inverse: .ridge(lambda: 0.01))
    let files = try TemporaryModel(shape)
    files.configuration = files.configuration.with(
        ["frontend"], .object(["recipe": "yamnet", "bands": 12, "center": .bool(isCentred)]))
    try files.write()
    return (try AudioModel(Model(directory: files.directory)), files)
}

/// Returns noise of varying loudness.
func noise(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { index in
        Float((random.uniform() - 0.5) * (index / 1600 % 3 == 0 ? 0.02 : 0.6))
    }
}

/// All values of a prediction, comparable bit for bit.
struct PredictionBits: Equatable {
    let index: Int64
    let sample: Int64
    let time: UInt64
    let isWarm: Bool
    let probabilities: [UInt32]
    let level: UInt64

    init(_ prediction: Prediction) {
        index = prediction.index
        sample = prediction.sample
        time = prediction.time.bitPattern
        isWarm = prediction.isWarm
        probabilities = prediction.probabilities.map(\.bitPattern)
        level = prediction.level.bitPattern
    }
}
