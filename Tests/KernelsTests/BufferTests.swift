internal import Kernels
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Buffers, and the snapshots of buffers.
@Suite struct BufferTests {
    @Test func copiesAndMoves() {
        var buffer = AlignedBuffer([0, 1, 2, 3, 4, 5, 6, 7])
        buffer.move(0..<5, to: 2)
        var result = floats(buffer)
        #expect(result == [0, 1, 0, 1, 2, 3, 4, 7], "overlapping ranges move forwards")
        buffer.move(2..<7, to: 0)
        result = floats(buffer)
        #expect(result == [0, 1, 2, 3, 4, 3, 4, 7], "and backwards")
        buffer.copy(AlignedBuffer([8, 9, 10]), from: 1, count: 2, to: 6)
        buffer.fill(5, 0..<2)
        result = floats(buffer)
        #expect(result == [5, 5, 2, 3, 4, 3, 9, 10])
        let source: [Float] = [1, 2]
        buffer.copy(source.span, to: 3)
        buffer.copy([Float]().span, to: 8)
        result = floats(buffer, 2..<6)
        #expect(result == [2, 1, 2, 3])
        let (first, count) = firstAndCount(buffer.part(3..<5))
        #expect(first == 1 && count == 2)
        buffer.fill(0)
        result = floats(buffer)
        #expect(result == [Float](repeating: 0, count: 8))
    }

    private func firstAndCount(_ span: Span<Float>) -> (Float, Int) { (span[0], span.count) }

    @Test func snapshotKeepsBitPatterns() throws {
        let values: [Float] = [0, -0.0, 1, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, 0.1]
        var writer = SnapshotWriter()
        writer.write(Int64.min)
        writer.write(AlignedBuffer(values))
        writer.write([1, 2, 3])
        writer.write(AlignedBuffer(values), 2..<4)
        let bytes = writer.bytes
        var reader = SnapshotReader(bytes)
        var buffer = AlignedBuffer(count: values.count)
        #expect(try reader.readInt64() == Int64.min)
        try reader.read(into: &buffer)
        try compareBits(floats(buffer), with: values, "a snapshot's floats")
        #expect(try reader.readBytes() == [1, 2, 3])
        try reader.read(into: &buffer, count: 2)
        try compareBits(floats(buffer, 0..<2), with: Array(values[2..<4]), "a snapshot's part")
        #expect(reader.remaining == 0)
        #expect(bytes.prefix(8) == [0, 0, 0, 0, 0, 0, 0, 128], "numbers are little-endian")
    }

    @Test func snapshotOfSomethingElseThrows() throws {
        var writer = SnapshotWriter()
        writer.write(AlignedBuffer([1, 2, 3]))
        let bytes = writer.bytes
        for length in 0..<bytes.count {
            #expect(throws: SnapshotReader.Truncated.self) {
                var reader = SnapshotReader(Array(bytes[..<length]))
                var buffer = AlignedBuffer(count: 3)
                try reader.read(into: &buffer)
            }
        }
        for poison in [Float.nan, .infinity, -.infinity, .signalingNaN] {
            var writer = SnapshotWriter()
            writer.write(AlignedBuffer([1, poison]))
            var reader = SnapshotReader(writer.bytes)
            #expect(throws: SnapshotReader.Truncated.self, "\(poison) is not a value of a state") {
                var buffer = AlignedBuffer(count: 2)
                try reader.read(into: &buffer)
            }
        }
        for length in [Int64(-1), 4, .max, .min] {
            var writer = SnapshotWriter()
            writer.write(length)
            writer.write(Int64(0))
            var reader = SnapshotReader(Array(writer.bytes.prefix(11)))
            #expect(throws: SnapshotReader.Truncated.self, "a length of \(length) with 3 bytes left") {
                _ = try reader.readBytes()
            }
        }
        var reader = SnapshotReader([5, 0, 0, 0, 0, 0, 0, 0])
        #expect(throws: SnapshotReader.Truncated.self) { _ = try reader.readInt(in: 0...4) }
    }
}
