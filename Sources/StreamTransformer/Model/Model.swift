internal import FoundationEssentials
package import Kernels
internal import StrictCoding

/// A model: its configuration and its weights, immutable and shared by all streams.
///
/// ```swift
/// let model = try Model(directory: "models/keywords-en")
/// var stream = model.makeStream()
/// if try model.step(features.span, &stream) { print(stream.newestLogits[0]) }
/// ```
public final class Model: Sendable {
    public let configuration: ModelConfiguration
    /// The folder it was read from.
    public let directory: String
    /// How its matrices are kept.
    public let weights: WeightPrecision
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

    private struct Golden: Sendable {
        let features: [Float]
        let logits: [Float]
    }

    /// Reads and verifies a model: hash, size, every tensor, and the golden logits.
    /// - Parameter weights: how to keep its matrices. The golden logits are those of single precision, in which they are verified.
    /// - Throws: ``ModelError`` that says what does not fit.
    public convenience init(directory: String, weights: WeightPrecision = .float32) throws(ModelError) {
        try self.init(directory: directory, kernels: .best, weights: weights)
    }

    package convenience init(directory: String, kernels: Kernels, weights: WeightPrecision = .float32)
        throws(ModelError)
    {
        let configuration = try Self.readConfiguration(directory)
        let path = "\(directory)/\(configuration.weights.file)"
        let bytes = try Self.readWeights(path, configuration.weights)
        let tensors = try Safetensors(bytes: bytes, name: path)
        if weights != .float32 {
            try Model(configuration, tensors, directory: directory, kernels: kernels).verifyGolden()
        }
        try self.init(configuration, tensors, directory: directory, kernels: kernels, weights: weights)
        if weights == .float32 { try verifyGolden() }
    }

    /// A model from its parts. The golden logits are not checked: ``init(directory:)`` does that.
    package init(
        _ configuration: ModelConfiguration, _ file: Safetensors, directory: String, kernels: Kernels = .best,
        weights: WeightPrecision = .float32
    ) throws(ModelError) {
        var tensors = TensorReader(
            file, name: "\(directory)/\(configuration.weights.file)", weights: weights)
        self.weights = weights
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
    }

    /// The memory of a new stream.
    public func makeStream() -> StreamState { StreamState(self) }

    /// Frames that a token takes in.
    public var framesPerToken: Int { stem.framesPerToken }

    /// Tokens until the attention window is full: before, predictions are not warm.
    public var warmUpTokens: Int { encoder.window }

    /// The largest difference between the golden logits and this program's.
    public func goldenError() throws(ModelError) -> Double {
        let width = configuration.inputWidth
        let labels = configuration.labels.count
        var stream = makeStream()
        var worst = 0.0
        var token = 0
        let features = golden.features
        for frame in 0..<features.count / width {
            guard try step(features.span.extracting(frame * width..<(frame + 1) * width), &stream) else { continue }
            for label in 0..<labels where (token + 1) * labels <= golden.logits.count {
                let observed = stream.newestLogits[label]
                let error = abs(Double(golden.logits[token * labels + label]) - Double(observed))
                // A logit that is not a number is as wrong as can be; max() alone would pass over it.
                worst = error.isNaN ? .infinity : max(worst, error)
            }
            token += 1
        }
        guard token > 0, token * labels == golden.logits.count else {
            throw ModelError(
                .golden,
                "\(directory): the golden features make \(token) tokens, the golden logits are for \(golden.logits.count / labels)"
            )
        }
        return worst
    }

    private func verifyGolden() throws(ModelError) {
        let error = try goldenError()
        guard error <= configuration.goldenTolerance else {
            throw ModelError(
                .golden,
                "\(directory): the golden logits differ by \(error), more than \(configuration.goldenTolerance); the model was exported for other code or its files do not belong together"
            )
        }
    }

    private static func readConfiguration(_ directory: String) throws(ModelError) -> ModelConfiguration {
        let path = "\(directory)/config.json"
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw ModelError(
                .notFound, "\(path): cannot be read; a model is a folder with config.json and model.safetensors")
        }
        do {
            return try JSONDecoder().decode(ModelConfiguration.self, from: data)
        } catch {
            let reason = (error as? DecodingError)?.explanation ?? "\(error)"
            throw ModelError(.configuration, "\(path): \(reason)")
        }
    }

    private static func readWeights(_ path: String, _ expected: ModelConfiguration.WeightsFile) throws(ModelError)
        -> [UInt8]
    {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw ModelError(.notFound, "\(path): cannot be read")
        }
        guard data.count == expected.bytes else {
            throw ModelError(
                .hash, "\(path): has \(data.count) bytes, config.json says \(expected.bytes); fetch the model again")
        }
        let bytes = Array(data)
        let hash = SHA256.hexadecimal(bytes)
        guard hash == expected.sha256 else {
            throw ModelError(
                .hash, "\(path): has the SHA-256 \(hash), config.json says \(expected.sha256); fetch the model again")
        }
        return bytes
    }
}
