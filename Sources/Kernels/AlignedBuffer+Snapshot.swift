package import StrictCoding

extension SnapshotWriter {
    /// Writes the bit patterns of the floats in `range`, so that a restored value is the same value.
    package mutating func write(_ values: borrowing AlignedBuffer, _ range: Range<Int>) {
        reserveCapacity(4 * range.count)
        for index in range { write(values[index].bitPattern) }
    }

    package mutating func write(_ values: borrowing AlignedBuffer) { write(values, 0..<values.count) }
}

extension SnapshotReader {
    /// Reads the first `count` floats of `values`; a state holds finite numbers only.
    package mutating func read(into values: inout AlignedBuffer, count: Int) throws(Truncated) {
        for index in 0..<count {
            let value = Float(bitPattern: try readUInt32())
            guard value.isFinite else { throw Truncated() }
            values[index] = value
        }
    }

    package mutating func read(into values: inout AlignedBuffer) throws(Truncated) {
        try read(into: &values, count: values.count)
    }
}
