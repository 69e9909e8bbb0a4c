/// Writes a stream's state field by field in a fixed order, little-endian.
package struct SnapshotWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func write(_ value: Int64) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    package mutating func write(_ value: Int) { write(Int64(value)) }

    package mutating func write(_ value: Double) { write(Int64(bitPattern: value.bitPattern)) }

    package mutating func write(_ value: UInt32) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Reserves capacity for `count` more bytes.
    package mutating func reserveCapacity(_ count: Int) { bytes.reserveCapacity(bytes.count + count) }

    package mutating func write(_ data: [UInt8]) {
        write(data.count)
        bytes += data
    }
}

/// Reads a state that a ``SnapshotWriter`` wrote. A snapshot is untrusted input.
package struct SnapshotReader {
    /// The snapshot is too short, or holds a value that is out of range.
    package struct Truncated: Error {
        package init() {}
    }

    // Invariant: the position is at most the number of bytes, which take checks.
    private let bytes: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Number of bytes that are not read yet.
    package var remaining: Int { bytes.count - position }

    package mutating func readInt64() throws(Truncated) -> Int64 {
        var value: UInt64 = 0
        for (index, byte) in try take(8).enumerated() { value |= UInt64(byte) << (8 * UInt64(index)) }
        return Int64(bitPattern: value)
    }

    /// Reads an integer, and throws an error if it is not in `range`.
    package mutating func readInt(in range: ClosedRange<Int>) throws(Truncated) -> Int {
        guard let value = Int(exactly: try readInt64()), range.contains(value) else { throw Truncated() }
        return value
    }

    /// Reads a number, and throws an error if it is not in `range`.
    package mutating func readDouble(in range: ClosedRange<Double>) throws(Truncated) -> Double {
        let value = Double(bitPattern: UInt64(bitPattern: try readInt64()))
        guard range.contains(value) else { throw Truncated() }
        return value
    }

    package mutating func readUInt32() throws(Truncated) -> UInt32 {
        let word = try take(4)
        return (0..<4).reduce(0) { $0 | UInt32(word[word.startIndex + $1]) << UInt32(8 * $1) }
    }

    package mutating func readBytes() throws(Truncated) -> [UInt8] {
        Array(try take(try readInt(in: 0...remaining)))
    }

    private mutating func take(_ count: Int) throws(Truncated) -> ArraySlice<UInt8> {
        guard count <= remaining else { throw Truncated() }
        defer { position += count }
        return bytes[position..<position + count]
    }
}
