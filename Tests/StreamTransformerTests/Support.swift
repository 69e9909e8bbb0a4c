internal import Kernels
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

extension Model {
    /// Returns the logits of every token of a new stream.
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
    /// Returns this shape with some of its values changed.
    func with(_ change: (inout ModelShape) -> Void) -> ModelShape {
        var result = self
        change(&result)
        return result
    }

    static let ridge = EncoderConfiguration.Attention.continualNystrom(landmarks: 3, inverse: .ridge(lambda: 1e-2))
    static let newtonSchulz = EncoderConfiguration.Attention.continualNystrom(
        landmarks: 4, inverse: .newtonSchulz(iterations: 6))

    /// Every attention system in both depths, with two layers and a window of 6 tokens.
    static let systems: [ModelShape] = {
        typealias Attention = EncoderConfiguration.Attention
        let moving = Attention.continualNystrom(landmarks: 3, update: .continual, inverse: .ridge(lambda: 1e-2))
        let movingByIteration = Attention.continualNystrom(
            landmarks: 2, update: .continual, inverse: .newtonSchulz(iterations: 6))
        let systems: [(Attention, EncoderConfiguration.Depth)] = [
            (.continual, .stream), (ridge, .stream), (newtonSchulz, .stream), (moving, .stream),
            (movingByIteration, .stream), (.continual, .window), (ridge, .window), (newtonSchulz, .window),
            (moving, .window), (movingByIteration, .window), (.full, .window), (.full, .stream),
            (.nystromformer(landmarks: 3, inverse: .ridge(lambda: 1e-2)), .window),
            (.nystromformer(landmarks: 2, inverse: .newtonSchulz(iterations: 6)), .stream),
        ]
        return systems.map { attention, depth in
            ModelShape().with { ($0.attention, $0.depth) = (attention, depth) }
        }
    }()

    /// Returns this shape with another window, and with fewer landmarks if they must divide it.
    func window(_ window: Int) -> ModelShape {
        func divisor(_ landmarks: Int) -> Int {
            (1...min(landmarks, window)).last { window.isMultiple(of: $0) } ?? 1
        }
        return with {
            $0.window = window
            switch attention {
            case .full, .continual: break
            case .nystromformer(let landmarks, let inverse):
                $0.attention = .nystromformer(landmarks: divisor(landmarks), inverse: inverse)
            case .continualNystrom(let landmarks, .fixed, let inverse):
                $0.attention = .continualNystrom(landmarks: min(landmarks, window), inverse: inverse)
            case .continualNystrom(let landmarks, .continual, let inverse):
                $0.attention = .continualNystrom(
                    landmarks: divisor(landmarks), update: .continual, inverse: inverse)
            }
        }
    }

    /// Steps of (channels, time stride, band stride).
    static func convolution(_ layers: (Int, Int, Int)...) -> Stem {
        .convolution(layers.map { ConvolutionLayer(channels: $0.0, timeStride: $0.1, bandStride: $0.2) })
    }
}

extension ModelShape: CustomTestStringConvertible {
    package var testDescription: String { "\(self)" }
}

extension EncoderConfiguration.Attention {
    /// Returns the same kind with another number of landmarks and another inverse.
    func with(landmarks: Int, inverse: EncoderConfiguration.Inverse) -> Self {
        switch self {
        case .full, .continual: self
        case .nystromformer: .nystromformer(landmarks: landmarks, inverse: inverse)
        case .continualNystrom(_, let update, _):
            .continualNystrom(landmarks: landmarks, update: update, inverse: inverse)
        }
    }
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
