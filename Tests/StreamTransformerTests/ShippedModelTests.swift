internal import FoundationEssentials
internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// The models of the package's folder `models`, against the reference.
@Suite struct ShippedModelTests {
    private static let directory = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "models")
        .path

    /// All shipped models.
    private static let all: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
        .sorted().filter { FileManager.default.fileExists(atPath: "\(directory)/\($0)/config.json") }

    /// The models of this build's tests: without optimisation, the smallest.
    static let names =
        TestScale.isFull ? all : Array(all.sorted { bytes(ofWeights: $0) < bytes(ofWeights: $1) }.prefix(1))

    private static func bytes(ofWeights name: String) -> Int {
        let file = "\(directory)/\(name)/model.safetensors"
        return (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
    }

    /// An empty list would let the tests below pass without a model.
    @Test func modelsAreFound() {
        #expect(!Self.names.isEmpty, "no model in \(Self.directory)")
        let skipped = Self.all.filter { !Self.names.contains($0) }
        if !skipped.isEmpty {
            let names = skipped.joined(separator: ", ")
            print("models skipped without optimisation, because their reference takes minutes: \(names)")
        }
    }

    @Test(arguments: names) func agreesWithTheOracle(_ name: String) throws {
        let model = try Model(directory: "\(Self.directory)/\(name)")
        let weights = Array(
            try Data(contentsOf: URL(filePath: "\(Self.directory)/\(name)/\(model.configuration.weightsFile.name)")))
        let tensors = try Safetensors(bytes: weights, name: name).tensors
        let frames = try Self.features(model, tensors)
        let expected = try Oracle(configuration: model.configuration, tensors: tensors).run(frames).logits
        for kernels in Kernels.available {
            let observed = try Model(directory: model.directory, kernels: kernels).run(frames)
            try #require(observed.count == expected.count)
            for t in expected.indices {
                try compare(observed[t], with: expected[t], absolute: 1e-4, "\(name), \(kernels.name), token \(t)")
            }
        }
    }

    /// With fewer bits of a weight, 99.5 % of predictions have the same first label (docs/numerics.md, section 10).
    @Test(arguments: names, [WeightPrecision.float16, .int8])
    func agreesWithFewerBits(_ name: String, _ precision: WeightPrecision) throws {
        let single = try Model(directory: "\(Self.directory)/\(name)")
        let bytes = Array(
            try Data(contentsOf: URL(filePath: "\(Self.directory)/\(name)/\(single.configuration.weightsFile.name)")))
        let frames = try Self.features(single, try Safetensors(bytes: bytes, name: name).tensors)
        let expected = try single.run(frames)
        let observed = try Model(directory: single.directory, precision: precision).run(frames)
        let tops = zip(observed, expected).filter { pair in
            pair.0.indices.max { pair.0[$0] < pair.0[$1] } == pair.1.indices.max { pair.1[$0] < pair.1[$1] }
        }
        let share = Double(tops.count) / Double(expected.count)
        #expect(share >= 0.995, "\(tops.count) of \(expected.count) predictions have the same first label")
    }

    /// A thousand frames, ten seconds of most front-ends: noise of the training data's mean and deviation that swells
    /// and fades, a moving spectral peak, and half a second of silence.
    private static func features(_ model: Model, _ tensors: [String: Safetensors.Tensor]) throws -> [[Float]] {
        let mean = try #require(tensors["input.mean"]).values
        let scale = try #require(tensors["input.scale"]).values
        var random = SplitMix64(seed: 1)
        return (0..<TestScale.choose(1000, reduced: 40)).map { frame in
            let loudness = Float(frame % 200) / 200
            let peak = frame / 3 % mean.count
            return mean.indices.map { band in
                if (500..<550).contains(frame) { return mean[band] - 3 / scale[band] }
                let tone: Float = abs(band - peak) < 3 ? 2 : 0
                return mean[band] + (Float(random.normal()) * 0.7 + loudness + tone) / scale[band]
            }
        }
    }
}
