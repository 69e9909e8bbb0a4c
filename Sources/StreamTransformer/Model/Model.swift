internal import FoundationEssentials
package import Kernels
internal import StrictCoding

/// A model: its configuration and its weights. It is immutable and shared by all streams.
///
/// ```swift
/// let model = try Model(directory: "models/keywords-en")
/// var stream = model.makeStream()
/// if try model.step(features.span, &stream) { print(stream.newestLogits[0]) }
/// ```
public final class Model: Sendable {
    public let configuration: ModelConfiguration
    /// Folder from which the model was read.
    public let directory: String
    /// Precision of its matrices.
    public let precision: WeightPrecision
    let kernels: Kernels
    let stem: Stem
    let layers: [LayerWeights]
    let flows: [LayerFlow]
    let finalNorm: LayerWeights.LayerNorm?
    let head: PackedMatrix
    let position: ConstantVector
    let period: Int?
    private let golden: Golden

    var encoder: EncoderConfiguration { configuration.encoder }

    /// Instruction set of the kernels that models use: `generic`, `avx2` or `avx512`. The environment variable
    /// `AUDIO_CLASSIFIERD_KERNELS` chooses another one.
    public static var instructionSet: String { Kernels.best.name }

    private struct Golden: Sendable {
        let features: [Float]
        let logits: [Float]
    }

    /// Reads and verifies a model: hash, size, every tensor, and the golden logits.
    /// - Parameter precision: of its matrices. The golden logits are verified in full precision, in which they were
    ///   made.
    /// - Throws: ``ModelError`` with the reason.
    public convenience init(directory: String, precision: WeightPrecision = .float32) throws(ModelError) {
        try self.init(directory: directory, kernels: .best, precision: precision)
    }

    package convenience init(directory: String, kernels: Kernels, precision: WeightPrecision = .float32)
        throws(ModelError)
    {
        let configuration = try Self.readConfiguration(directory)
        let path = "\(directory)/\(configuration.weightsFile.name)"
        let bytes = try Self.readWeights(path, configuration.weightsFile)
        let tensors = try Safetensors(bytes: bytes, name: path)
        if precision != .float32 {
            try Model(configuration, tensors, directory: directory, kernels: kernels).verifyGolden()
        }
        try self.init(configuration, tensors, directory: directory, kernels: kernels, precision: precision)
        if precision == .float32 { try verifyGolden() }
    }

    /// Makes a model from its parts without checking the golden logits, which ``init(directory:precision:)`` does.
    package init(
        _ configuration: ModelConfiguration, _ file: Safetensors, directory: String, kernels: Kernels = .best,
        precision: WeightPrecision = .float32
    ) throws(ModelError) {
        var tensors = TensorReader(
            file, name: "\(directory)/\(configuration.weightsFile.name)", precision: precision)
        self.precision = precision
        let encoder = configuration.encoder
        self.configuration = configuration
        self.directory = directory
        self.kernels = kernels
        stem = try Stem(configuration, from: &tensors)
        var layers: [LayerWeights] = []
        for index in 0..<encoder.layers { layers.append(try LayerWeights(index, encoder, from: &tensors)) }
        self.layers = layers
        flows = encoder.layerFlows
        finalNorm =
            encoder.norm == .pre
            ? try LayerWeights.LayerNorm("encoder.norm", width: encoder.width, from: &tensors) : nil
        head = try AffineRows("head", configuration.labels.count, encoder.width, from: &tensors).packed
        if case .recycling(let period) = encoder.position {
            self.period = period
            position = ConstantVector(try tensors.take("encoder.position", period, encoder.width))
        } else {
            period = nil
            position = ConstantVector([])
        }
        golden = Golden(
            features: try tensors.takeRows("golden.features", columns: configuration.inputWidth),
            logits: try tensors.takeRows("golden.logits", columns: configuration.labels.count))
        try tensors.finish()
        let frames = golden.features.count / configuration.inputWidth
        let operations = Double(frames / framesPerToken) * ModelCost(configuration).step
        guard operations <= ModelCost.largestGolden else {
            throw ModelError(
                .golden,
                "\(directory): \(frames) golden frames take \(ModelCost.text(operations)) multiply-adds, "
                    + "at most \(ModelCost.text(ModelCost.largestGolden)) are computed; export the model with fewer")
        }
    }

    /// Makes a new stream.
    public func makeStream() -> StreamState { StreamState(self) }

    /// Frames of a token.
    public var framesPerToken: Int { stem.framesPerToken }

    /// Tokens until the attention window is full and predictions are warm.
    public var warmUpTokens: Int { encoder.window }

    /// Returns the largest difference between the golden logits and the computed ones.
    public func goldenError() throws(ModelError) -> Double {
        let width = configuration.inputWidth
        let labels = configuration.labels.count
        var stream = makeStream()
        var worst = 0.0
        var token = 0
        let features = golden.features
        for frame in 0..<features.count / width {
            do {
                guard try step(features.span.extracting(frame * width..<(frame + 1) * width), &stream) else { continue }
            } catch {
                // Logits that are not finite differ from the golden ones.
                guard error.code == .nonFiniteLogits else { throw error }
                worst = .infinity
            }
            for label in 0..<labels where (token + 1) * labels <= golden.logits.count {
                let observed = stream.newestLogits[label]
                let error = abs(Double(golden.logits[token * labels + label]) - Double(observed))
                // max() alone would ignore a logit that is not a number.
                worst = error.isNaN ? .infinity : max(worst, error)
            }
            token += 1
        }
        guard token > 0, token * labels == golden.logits.count else {
            let expected = golden.logits.count / labels
            throw ModelError(
                .golden, "\(directory): the golden features make \(token) tokens, the golden logits are for \(expected)"
            )
        }
        return worst
    }

    private func verifyGolden() throws(ModelError) {
        let error = try goldenError()
        guard error <= configuration.goldenTolerance else {
            throw ModelError(
                .golden,
                "\(directory): the golden logits differ by \(error), more than \(configuration.goldenTolerance); "
                    + "the model was exported for other code or its files do not belong together")
        }
    }

    private static func readConfiguration(_ directory: String) throws(ModelError) -> ModelConfiguration {
        let path = "\(directory)/config.json"
        let bytes = try ModelFile.read(path, atMost: ModelFile.largestConfiguration)
        guard JSONNesting.isShallow(bytes[...]) else {
            throw ModelError(
                .configuration,
                "\(path): has values in more than \(JSONNesting.deepest) levels; a model's configuration needs fewer")
        }
        do {
            return try StrictJSON.decode(ModelConfiguration.self, from: bytes)
        } catch {
            let reason = (error as? DecodingError)?.explanation() ?? "\(error)"
            throw ModelError(.configuration, "\(path): \(reason)")
        }
    }

    private static func readWeights(_ path: String, _ expected: ModelConfiguration.WeightsFile) throws(ModelError)
        -> [UInt8]
    {
        let bytes = try ModelFile.read(path, atMost: ModelFile.largestWeights)
        guard bytes.count == expected.bytes else {
            throw ModelError(
                .hash, "\(path): has \(bytes.count) bytes, config.json says \(expected.bytes); fetch the model again")
        }
        let hash = SHA256.hexadecimal(bytes)
        guard hash == expected.sha256 else {
            throw ModelError(
                .hash, "\(path): has the SHA-256 \(hash), config.json says \(expected.sha256); fetch the model again")
        }
        return bytes
    }
}
