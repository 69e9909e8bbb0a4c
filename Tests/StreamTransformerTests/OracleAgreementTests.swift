internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// Whole models against the float64 reference, from the empty state over several windows.
@Suite struct OracleAgreementTests {
    /// Every attention system with every norm, activation and position, each with one of the stems in turn.
    static let shapes: [ModelShape] = {
        let stems: [ModelShape.Stem] = [
            .linear(frames: 1), ModelShape.convolution((4, 1, 2)), .linear(frames: 3),
            ModelShape.convolution((3, 2, 1)),
            ModelShape.convolution((2, 2, 2)), ModelShape.convolution((3, 1, 1), (5, 2, 2)),
            ModelShape.convolution((4, 2, 2), (6, 1, 2), (3, 2, 1)),
            .convolution([.init(channels: 3, timeStride: 1, bandStride: 2, isSeparable: true)]),
            .convolution([
                .init(channels: 19, timeStride: 2, bandStride: 2, bandPadding: .end),
                .init(channels: 5, timeStride: 1, bandStride: 1, isSeparable: true),
                .init(channels: 17, timeStride: 2, bandStride: 2, bandPadding: .end, isSeparable: true),
            ]),
        ]
        let positions: [EncoderConfiguration.Position] = [.none, .recycling(period: 5), .recycling(period: 8)]
        var shapes: [ModelShape] = []
        for system in ModelShape.systems {
            for norm in [EncoderConfiguration.Norm.pre, .post] {
                for activation in [EncoderConfiguration.Activation.relu, .gelu] {
                    for position in positions {
                        var shape = system
                        shape.seed = UInt64(shapes.count)
                        shape.stem = stems[shapes.count % stems.count]
                        shape.bands = [7, 8, 1, 5][shapes.count % 4]
                        (shape.norm, shape.activation) = (norm, activation)
                        shape.position = position
                        shapes.append(shape)
                    }
                }
            }
        }
        return TestScale.sample(shapes, every: 17)
    }()

    /// Compares the logits of several layers within 1e-4.
    @Test(arguments: shapes) func logits(_ shape: ModelShape) throws {
        try agree(shape, tokens: 4 * shape.window + 3)
    }

    /// Compares the output of one layer within 1e-5 of its norm.
    @Test(arguments: shapes) func oneLayer(_ shape: ModelShape) throws {
        // With the identity as the head, the logits are the output.
        let layer = shape.with { ($0.layers, $0.hasIdentityHead, $0.labels) = (1, true, shape.width) }
        try agree(layer, tokens: 4 * shape.window + 3, relative: 1e-5)
    }

    static let largerShapes: [ModelShape] = ModelShape.systems.flatMap { system in
        TestScale.choose([2, 3, 8, 25, 48], reduced: [3]).map { window in
            system.window(window).with {
                ($0.heads, $0.headWidth, $0.feedForward) = (4, 16, 100)
                ($0.bands, $0.labels, $0.activation, $0.seed) = (40, 20, .gelu, UInt64(window))
            }
        }
    }

    /// Windows from the smallest to one of many blocks, at a width of several vectors.
    @Test(arguments: largerShapes) func windows(_ shape: ModelShape) throws {
        try agree(shape, tokens: 3 * shape.window + TestScale.choose(20, reduced: 2))
    }

    /// Attention logits with the range of a trained model.
    @Test(arguments: ModelShape.systems) func peakedAttention(_ system: ModelShape) throws {
        let shape = system.window(24).with { ($0.logitScale, $0.headWidth) = (4, 8) }
        try agree(shape, tokens: TestScale.choose(100, reduced: 30))
    }

    /// A long stream, whose memories and positions wrap around many times.
    @Test(arguments: ModelShape.systems) func longStream(_ system: ModelShape) throws {
        let shape = system.window(12).with { $0.position = .recycling(period: 7) }
        try agree(shape, tokens: TestScale.choose(3000, reduced: 50))
    }

    /// Values far above all others, under ordinary keys, larger ones first: nothing of them stays when they have left.
    @Test(arguments: TestScale.sample(ModelShape.systems, every: 5)) func largeValues(_ system: ModelShape) throws {
        let shape = system.window(24).with { ($0.norm, $0.logitScale) = (.post, 1e-8) }
        var frames = shape.frames(tokens: 4 * shape.window, seed: shape.seed + 1000)
        for (token, factor) in [(20, Float(1e5)), (22, 3e4), (24, 1e4)] {
            for frame in token * shape.framesPerToken..<(token + 1) * shape.framesPerToken {
                frames[frame] = frames[frame].map { $0 * factor }
            }
        }
        // In stream depth every layer has a window of its own past, in which the values were.
        try agree(shape, frames, from: 25 + (shape.depth == .window ? 1 : shape.layers) * shape.window)
    }

    private func agree(_ shape: ModelShape, tokens: Int, relative tolerance: Double? = nil) throws {
        try agree(shape, shape.frames(tokens: tokens, seed: shape.seed + 1000), relative: tolerance)
    }

    /// Compares all tokens from `first` on.
    private func agree(
        _ shape: ModelShape, _ frames: [[Float]], from first: Int = 0, relative tolerance: Double? = nil
    ) throws {
        let files = try TemporaryModel(shape)
        let tokens = frames.count / shape.framesPerToken
        let expected = try files.oracle.run(frames).logits
        #expect(expected.count == tokens)
        for kernels in Kernels.available {
            let observed = try Model(directory: files.directory, kernels: kernels).run(frames)
            try #require(observed.count == tokens)
            for t in first..<tokens {
                try compare(observed[t], with: expected[t], absolute: 1e-4, "\(kernels.name), token \(t)")
                guard let tolerance else { continue }
                try compare(observed[t], with: expected[t], relative: tolerance, "\(kernels.name), token \(t)")
            }
        }
    }
}
