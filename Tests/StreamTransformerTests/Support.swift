internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

extension Model {
    /// Logits of every token of a stream, from an empty state on.
    func run(_ frames: [[Float]]) throws -> [[Float]] {
        var stream = makeStream()
        var logits: [[Float]] = []
        for frame in frames where try step(frame.span, &stream) { logits.append(stream.logitsArray) }
        return logits
    }
}

extension StreamState {
    var logitsArray: [Float] {
        let logits = newestLogits
        return logits.indices.map { logits[$0] }
    }

    var snapshotBytes: [UInt8] {
        var writer = SnapshotWriter()
        snapshot(to: &writer)
        return writer.bytes
    }
}

extension ModelShape {
    /// This shape with some of its values changed.
    func with(_ change: (inout ModelShape) -> Void) -> ModelShape {
        var result = self
        change(&result)
        return result
    }

    static let ridge = EncoderConfiguration.Attention.continualNystrom(landmarks: 3, inverse: .ridge(lambda: 1e-2))
    static let newtonSchulz = EncoderConfiguration.Attention.continualNystrom(
        landmarks: 4, inverse: .newtonSchulz(iterations: 6))
    static let attentions: [EncoderConfiguration.Attention] = [.continual, ridge, newtonSchulz]

    /// Steps of (channels, time stride, band stride).
    static func convolution(_ layers: (Int, Int, Int)...) -> Stem {
        .convolution(layers.map { ConvolutionLayer(channels: $0.0, timeStride: $0.1, bandStride: $0.2) })
    }
}

extension ModelShape: CustomTestStringConvertible {
    package var testDescription: String { "\(self)" }
}

/// A model, its files and its reference.
struct ModelAndOracle {
    let files: TemporaryModel
    let model: Model

    init(_ shape: ModelShape, kernels: Kernels = .best) throws {
        files = try TemporaryModel(shape)
        model = try Model(directory: files.directory, kernels: kernels)
    }
}
