internal import Glibc
internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// Operation counts that follow from a configuration, against kernels that count their operations.
@Suite struct OperationCountTests {
    static let shapes: [ModelShape] = ModelShape.systems.flatMap { system in
        TestScale.choose([6, 24, 48], reduced: [6]).map { window in
            // Scores near zero, so that no row of a retroactive layer is recomputed, which would depend on the data.
            system.window(window).with {
                $0.logitScale = 0.01
                $0.stem = .convolution([
                    .init(channels: 3, timeStride: 2, bandStride: 2), .init(channels: 4, timeStride: 1, bandStride: 1),
                    .init(channels: 2, timeStride: 2, bandStride: 2, isSeparable: true),
                ])
            }
        }
    }

    /// Every step of a full window.
    @Test(arguments: shapes) func everyStep(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape, kernels: .counting).model
        let around = OperationCount(model.configuration)
        var stream = model.makeStream()
        var observed = 0
        var counted = Kernels.multiplyAdds
        var sum = 0.0
        let tokens = 6 * shape.window
        for (index, frame) in shape.frames(tokens: tokens, seed: 1).enumerated() {
            guard try model.step(frame.span, &stream) else { continue }
            let step = Kernels.multiplyAdds - counted
            counted += step
            let token = Int64(index / shape.framesPerToken)
            guard token >= shape.window else { continue }
            let expected = OperationCount(model.configuration.encoder, position: token)
            #expect(
                Double(step) == expected.layers + around.stem + around.head, "token \(token): \(step) multiply-adds")
            observed += 1
            sum += expected.attention
        }
        #expect(observed == tokens - shape.window)
        // Blocks and segments have a common period. The printed mean is that of its steps.
        let segment = shape.attention.hasSegments ? shape.window / (shape.attention.landmarks ?? 1) : 1
        let block = BlockSchedule(window: shape.window).block
        let period = block * segment
        guard period <= 4 * shape.window else { return }
        let first = Int64(8 * shape.window)
        let mean =
            (0..<period).reduce(0.0) {
                $0 + OperationCount(model.configuration.encoder, position: first + Int64($1)).attention
            } / Double(period)
        #expect(abs(around.attention - mean) < 1e-6 * mean)
    }

    /// Counts by hand for the shape in the documentation's table.
    @Test func byHand() throws {
        let shape = ModelShape().with {
            ($0.heads, $0.headWidth, $0.feedForward, $0.layers, $0.window) = (16, 12, 192, 1, 120)
        }
        func count(_ attention: EncoderConfiguration.Attention) throws -> OperationCount {
            OperationCount(try ModelAndOracle(shape.with { $0.attention = attention }).model.configuration)
        }
        let ridge = EncoderConfiguration.Inverse.ridge(lambda: 1e-2)
        let ring = try count(.continual)
        #expect(ring.projections == 4 * 192 * 192 && ring.feedForward == 2 * 192 * 192)
        #expect(ring.attention == 2 * 120 * 192)
        let full = try count(.full)
        #expect(full.layers == 120 * (ring.projections + ring.feedForward) + 2 * 120 * 120 * 192)
        // Folded: beta's and Delta's scores take 2 H m rows instead of 2 D.
        let fixed = try count(.continualNystrom(landmarks: 8, inverse: ridge))
        #expect(fixed.projections == Double((2 * 16 * 8 + 2 * 192) * 192))
        // Softmax(beta) Z and three aggregates; an insertion and a suffix; two or three combinations of blocks a block
        // of tokens.
        let least = Double(16 * 64 + 3 * 8 * 192 + 2 * 2 * 8 * 192)
        #expect(fixed.attention > least && fixed.attention < least + 2 * 2 * 8 * 192)
        #expect(
            try count(.continualNystrom(landmarks: 8, update: .continual, inverse: ridge)).projections
                == ring.projections)
    }
}

extension EncoderConfiguration.Attention {
    /// Whether landmarks are means of segments of the stream.
    fileprivate var hasSegments: Bool {
        if case .continualNystrom(_, .continual, _) = self { true } else { false }
    }
}
