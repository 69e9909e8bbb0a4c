internal import CCrypto
internal import FoundationEssentials
internal import StreamTransformer
package import StrictCoding

/// The directory of a small random model, complete with golden vectors by the ``Oracle``; removed with its owner.
///
/// Changes of a test are written with a matching size and hash, unless the test damages the file itself.
package final class TemporaryModel {
    package let files: TemporaryDirectory
    package var directory: String { files.path }
    /// `config.json`; a change takes effect with ``write()``.
    package var configuration: JSONValue
    /// `model.safetensors`; a change takes effect with ``write()``.
    package var weights: TensorFile
    /// The reference of this model before any change.
    package let oracle: Oracle

    package init(_ shape: ModelShape) throws {
        files = try TemporaryDirectory()
        configuration = shape.configuration
        weights = shape.weights
        let tensors = try Safetensors(bytes: weights.bytes, name: "random weights").tensors
        oracle = Oracle(configuration: try Self.decode(configuration), tensors: tensors)
        let frames = shape.frames(tokens: min(shape.window, 8) + 2, seed: ~shape.seed)
        let logits = try oracle.run(frames).logits
        weights["golden.features"] = TensorFile.Tensor([frames.count, shape.bands], frames.flatMap { $0 })
        weights["golden.logits"] = TensorFile.Tensor(
            [logits.count, shape.labels], logits.flatMap { $0 }.map(Float.init))
        try write()
    }

    /// Writes both files.
    package func write() throws {
        try writeWeights(weights.bytes)
    }

    /// Writes `bytes` as the weights, and a configuration with their size and hash.
    package func writeWeights(_ bytes: [UInt8]) throws {
        try files.write(bytes, to: "model.safetensors")
        let complete =
            configuration
            .with(["weights", "bytes"], .number(Double(bytes.count)))
            .with(["weights", "sha256"], .string(sha256(bytes)))
        try files.write(Array(try JSONEncoder().encode(complete)), to: "config.json")
    }

    private static func decode(_ configuration: JSONValue) throws -> ModelConfiguration {
        try JSONDecoder().decode(ModelConfiguration.self, from: try JSONEncoder().encode(configuration))
    }
}

/// Returns the SHA-256 of `bytes` in hexadecimal digits.
package func sha256(_ bytes: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    _ = unsafe SHA256(bytes, bytes.count, &digest)
    let digits = Array("0123456789abcdef")
    return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
