internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// Streams that begin in the middle of a recording reach the state of the stream that began with it.
@Suite struct ReplayTests {
    private static let shapes: [ModelShape] = ModelShape.systems.flatMap { system in
        [
            system.with { ($0.position, $0.pooledContexts) = (.recycling(period: 4), 5) },
            system.window(12).with { shape in
                shape.stem = .convolution([
                    .init(channels: 5, timeStride: 2, bandStride: 2),
                    .init(channels: 7, timeStride: 2, bandStride: 1, isSeparable: true),
                    .init(channels: 6, timeStride: 1, bandStride: 2),
                ])
            },
            system.window(36),
        ]
    }

    /// All logits behind the replayed tokens are, bit for bit, those of the whole stream, wherever the replay begins.
    @Test(arguments: shapes) func equalsTheWholeStream(_ shape: ModelShape) throws {
        for kernels in Kernels.available {
            let model = try ModelAndOracle(shape, kernels: kernels).model
            guard let replay = model.replayTokens else {
                #expect(shape.attention == .continual && shape.depth == .window)
                continue
            }
            let tokens = replay + 3 * shape.window + 40
            // Loud tokens in the part that is left out must leave no trace.
            var frames = shape.frames(tokens: tokens, seed: 5)
            for index in stride(from: 0, to: frames.count, by: 7) { frames[index] = frames[index].map { 20 * $0 } }
            let perToken = frames.count / tokens
            let expected = try model.run(frames)
            var stream = model.makeStream()
            for begin in stride(from: 1, to: 2 * shape.window, by: TestScale.choose(5, reduced: 17)) {
                stream.startLate(tokens: Int64(begin))
                for frame in frames[(begin * perToken)..<((begin + replay) * perToken)] {
                    try model.replay(frame.span, &stream)
                }
                #expect(stream.tokens == Int64(begin + replay))
                var token = begin + replay
                for frame in frames[(token * perToken)...] where try model.step(frame.span, &stream) {
                    try compareBits(
                        stream.logitsArray, with: expected[token], "\(kernels.name), begin \(begin), token \(token)")
                    token += 1
                }
                #expect(token == tokens)
            }
        }
    }
}
