internal import Kernels
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A stream's state can be saved, restored and cleared, and is independent of other streams.
@Suite struct StreamStateTests {
    static let shapes: [ModelShape] = ModelShape.systems.flatMap { system in
        [
            system.window(9).with { $0.stem = .linear(frames: 2) },
            system.with {
                $0.position = .recycling(period: 5)
                $0.stem = .convolution([
                    .init(channels: 3, timeStride: 2, bandStride: 2),
                    .init(channels: 4, timeStride: 2, bandStride: 1, isSeparable: true),
                ])
            },
        ]
    }

    /// A stream that is saved at any frame and restored elsewhere continues bit for bit.
    @Test(arguments: shapes) func snapshotAtEveryFrame(_ shape: ModelShape) throws {
        let pair = try ModelAndOracle(shape)
        let (model, frames) = (pair.model, shape.frames(tokens: 4 * shape.window, seed: 3))
        for cut in stride(from: 0, to: frames.count, by: TestScale.choose(1, reduced: 29)) {
            var uninterrupted = model.makeStream()
            for frame in frames[..<cut] { _ = try model.step(frame.span, &uninterrupted) }
            let bytes = uninterrupted.snapshotBytes

            var restored = model.makeStream()
            #expect(restored.snapshotBytes.count == bytes.count, "the size is fixed")
            var reader = SnapshotReader(bytes)
            try restored.restore(from: &reader)
            #expect(reader.remaining == 0)
            #expect(restored.snapshotBytes == bytes)

            var reused = model.makeStream()
            for frame in frames.prefix(cut % 11) { _ = try model.step(frame.span, &reused) }
            var reusedReader = SnapshotReader(bytes)
            try reused.restore(from: &reusedReader)

            for frame in frames[cut...].prefix(2 * shape.window * shape.framesPerToken) {
                let isToken = try model.step(frame.span, &uninterrupted)
                #expect(try model.step(frame.span, &restored) == isToken)
                #expect(try model.step(frame.span, &reused) == isToken)
                guard isToken else { continue }
                let expected = uninterrupted.logitsArray
                try compareBits(restored.logitsArray, with: expected, "restored into a new state at frame \(cut)")
                try compareBits(reused.logitsArray, with: expected, "restored into a used state at frame \(cut)")
            }
        }
    }

    @Test(arguments: shapes) func truncatedSnapshotThrows(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        var stream = model.makeStream()
        for frame in shape.frames(tokens: 9, seed: 4) { _ = try model.step(frame.span, &stream) }
        let bytes = stream.snapshotBytes
        for length in stride(from: 0, to: bytes.count, by: TestScale.choose(13, reduced: 2999)) {
            #expect(throws: SnapshotReader.Truncated.self, "\(length) of \(bytes.count) bytes") {
                var other = model.makeStream()
                var reader = SnapshotReader(Array(bytes[..<length]))
                try other.restore(from: &reader)
            }
        }
    }

    /// Foreign bytes throw an error, or leave bytes unread, and never stop the program.
    @Test(arguments: shapes) func foreignSnapshot(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        let size = model.makeStream().snapshotBytes.count
        let frames = shape.frames(tokens: 3 * shape.window, seed: 10)
        var random = SplitMix64(seed: 5)
        var refused = 0
        for _ in 0..<TestScale.choose(50, reduced: 1) {
            var stream = model.makeStream()
            var bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Positions in the range of a stream.
            for byte in [7, 15] { bytes[byte] &= 0x3F }
            var reader = SnapshotReader(bytes)
            do { try stream.restore(from: &reader) } catch { refused += 1 }
            for frame in frames { _ = try? model.step(frame.span, &stream) }
        }
        #expect(refused > 0, "random bytes hold values that are not numbers")
        for other in TestScale.sample(Self.shapes, every: 9) where other != shape {
            let bytes = try ModelAndOracle(other).model.makeStream().snapshotBytes
            // Only the sizes differ here; the name of the model is in the state file.
            guard bytes.count != size else { continue }
            var stream = model.makeStream()
            var reader = SnapshotReader(bytes)
            guard (try? stream.restore(from: &reader)) != nil else { continue }
            #expect(reader.remaining != 0, "a snapshot of \(other) was taken for one of \(shape)")
        }
    }

    /// Positions that no stream can have reached.
    @Test(arguments: [Int64.min, -1, .max]) func impossiblePositionThrows(_ position: Int64) throws {
        let model = try ModelAndOracle(ModelShape()).model
        let rest = model.makeStream().snapshotBytes.dropFirst(16)
        for isFrames in [true, false] {
            var writer = SnapshotWriter()
            writer.write(isFrames ? position : 0)
            writer.write(isFrames ? 0 : position)
            let bytes = writer.bytes + rest
            #expect(throws: SnapshotReader.Truncated.self, "\(isFrames ? "frame" : "token") \(position)") {
                var stream = model.makeStream()
                var reader = SnapshotReader(bytes)
                try stream.restore(from: &reader)
            }
        }
    }

    @Test(arguments: shapes) func resetIsAsNew(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        var stream = model.makeStream()
        let new = stream.snapshotBytes
        for frame in shape.frames(tokens: 3 * shape.window, seed: 6) { _ = try model.step(frame.span, &stream) }
        #expect(stream.snapshotBytes != new)
        stream.reset()
        #expect(stream.snapshotBytes == new)
        let frames = shape.frames(tokens: 2 * shape.window, seed: 7)
        let expected = try model.run(frames)
        var observed: [[Float]] = []
        for frame in frames where try model.step(frame.span, &stream) { observed.append(stream.logitsArray) }
        for t in expected.indices { try compareBits(observed[t], with: expected[t], "token \(t) after a reset") }
    }

    /// Two streams that are stepped in turn give the logits that each gives alone.
    @Test(arguments: shapes) func interleavedStreams(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        let (one, two) = (
            shape.frames(tokens: 3 * shape.window, seed: 8), shape.frames(tokens: 3 * shape.window, seed: 9)
        )
        let alone = (try model.run(one), try model.run(two))
        var (first, second): ([[Float]], [[Float]]) = ([], [])
        var firstStream = model.makeStream()
        var secondStream = model.makeStream()
        for (firstFrame, secondFrame) in zip(one, two) {
            if try model.step(firstFrame.span, &firstStream) { first.append(firstStream.logitsArray) }
            if try model.step(secondFrame.span, &secondStream) { second.append(secondStream.logitsArray) }
        }
        for t in alone.0.indices {
            try compareBits(first[t], with: alone.0[t], "first stream, token \(t)")
            try compareBits(second[t], with: alone.1[t], "second stream, token \(t)")
        }
    }

    @Test func countsFramesAndTokens() throws {
        let shape = ModelShape().with { $0.stem = .linear(frames: 3) }
        let model = try ModelAndOracle(shape).model
        #expect(model.framesPerToken == 3 && model.warmUpTokens == 6)
        var stream = model.makeStream()
        for (index, frame) in shape.frames(tokens: 4, seed: 1).enumerated() {
            let isToken = try model.step(frame.span, &stream)
            let (frames, tokens, count) = (stream.frames, stream.tokens, stream.newestLogits.count)
            #expect(isToken == (index % 3 == 2))
            #expect(frames == Int64(index + 1) && tokens == Int64((index + 1) / 3) && count == shape.labels)
        }
    }
}
