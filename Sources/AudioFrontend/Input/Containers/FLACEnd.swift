/// The end of a FLAC whose header has no number of samples, as `flac` writes it into a pipe.
enum FLACEnd {
    // Invariant: offsets of bytes in memory, and the end of a file.
    /// Bytes at the end in which the last frame is looked for. A frame of 4,608 samples has 37 kB at most in stereo.
    private static let reach: Int64 = 1 << 20

    /// Returns whether the bytes end inside a frame: the last one's checksum is not there (RFC 9639, section 9.3).
    /// Bytes in which no frame begins are not called cut.
    static func isCut(_ window: FileWindow) -> Bool {
        let end = TrailingTags.start(in: window)
        let start = max(0, end - reach)
        let bytes = window.bytes(at: start, Int(end - start))
        var found = 0
        for offset in bytes.indices.reversed() where beginsFrame(bytes, offset) {
            // With its own checksum behind it, a frame has the checksum 0.
            if Checksum.sixteen(bytes[offset...]) == 0 { return false }
            // Bytes inside a frame can look like the head of one.
            found += 1
            if found == 4 { return true }
        }
        return found > 0
    }

    /// Returns whether the header in `bytes` has no number of samples.
    /// - Parameter offset: that of the mark.
    static func isOfUnknownLength(_ window: FileWindow, at offset: Int64) -> Bool {
        let fields = window.bytes(at: offset + 21, 5)
        return fields.count == 5 && fields[0] & 15 == 0 && fields[1...].allSatisfy { $0 == 0 }
    }

    /// Returns whether the head of a frame is at the offset, by its fields and its checksum (RFC 9639, section 9.1).
    private static func beginsFrame(_ bytes: [UInt8], _ offset: Int) -> Bool {
        guard bytes[offset] == 0xFF, bytes.count - offset >= 6, bytes[offset + 1] & 0xFE == 0xF8 else { return false }
        let (block, rate) = (bytes[offset + 2] >> 4, bytes[offset + 2] & 15)
        guard block != 0, rate != 15, bytes[offset + 3] >> 4 <= 10, bytes[offset + 3] & 1 == 0 else { return false }
        // The number of the frame is coded as a character of UTF-8, of up to seven bytes.
        let ones = (~bytes[offset + 4]).leadingZeroBitCount
        guard ones != 1, ones <= 7 else { return false }
        var length = 4 + max(1, ones)
        length += block == 6 ? 1 : block == 7 ? 2 : 0
        length += rate == 12 ? 1 : rate > 12 ? 2 : 0
        guard bytes.count - offset > length else { return false }
        return Checksum.eight(bytes[offset..<offset + length]) == bytes[offset + length]
    }

    /// The cyclic redundancy checks of FLAC.
    private enum Checksum {
        /// With the polynomial x^8 + x^2 + x + 1.
        static func eight(_ bytes: ArraySlice<UInt8>) -> UInt8 {
            bytes.reduce(0) { sum, byte in
                (0..<8).reduce(sum ^ byte) { value, _ in value & 0x80 != 0 ? value << 1 ^ 0x07 : value << 1 }
            }
        }

        /// With the polynomial x^16 + x^15 + x^2 + 1.
        static func sixteen(_ bytes: ArraySlice<UInt8>) -> UInt16 {
            bytes.reduce(0) { sum, byte in sum << 8 ^ table[Int(UInt8(sum >> 8) ^ byte)] }
        }

        private static let table = (0..<256).map { index in
            (0..<8).reduce(UInt16(index) << 8) { value, _ in value & 0x8000 != 0 ? value << 1 ^ 0x8005 : value << 1 }
        }
    }
}
