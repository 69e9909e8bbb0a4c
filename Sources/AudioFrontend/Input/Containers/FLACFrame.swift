/// The head of a frame of FLAC (RFC 9639, section 9.1).
struct FLACFrame: Equatable {
    /// Positions of the frame's samples of a channel.
    let samples: Range<Int64>

    // Invariant: offsets of bytes in memory; numbers have 36 bits and block sizes 16.
    /// Bytes at the end in which the last frame is looked for. A frame of 4,608 samples has 37 kB at most in stereo.
    private static let reach: Int64 = 1 << 20

    /// Returns the number of samples of a channel up to the end of the last frame, by that frame's head; `nil` if none
    /// is found. Bytes inside a frame can look like the head of one, so that the frame before must end where it begins.
    /// - Parameter header: that of the window's recording.
    static func lengthByLastFrame(_ window: FileWindow, _ header: FLACHeader) -> Int64? {
        guard let first = header.end else { return nil }
        let start = max(first, window.count - reach)
        let bytes = window.bytes(at: start, Int(max(0, window.count - start)))
        var later: [FLACFrame] = []
        for offset in bytes.indices.reversed() {
            guard let frame = FLACFrame(bytes, offset, blockSize: header.blockSize) else { continue }
            if frame.samples.lowerBound == 0, start == first, offset == 0, later.isEmpty {
                return frame.samples.upperBound
            }
            if let last = later.first(where: { $0.samples.lowerBound == frame.samples.upperBound }) {
                return last.samples.upperBound
            }
            later.append(frame)
            if later.count == 8 { return nil }
        }
        return nil
    }

    /// Reads the head at an offset; `nil` if its fields or its checksum are not those of one.
    init?(_ bytes: [UInt8], _ offset: Int, blockSize: Int64) {
        guard bytes[offset] == 0xFF, bytes.count - offset >= 6, bytes[offset + 1] & 0xFE == 0xF8 else { return nil }
        let (block, rate) = (bytes[offset + 2] >> 4, bytes[offset + 2] & 15)
        guard block != 0, rate != 15, bytes[offset + 3] >> 4 <= 10, bytes[offset + 3] & 1 == 0 else { return nil }
        // The number is coded as a character of UTF-8 is, in up to seven bytes.
        let ones = (~bytes[offset + 4]).leadingZeroBitCount
        guard ones != 1, ones <= 7 else { return nil }
        var end = offset + 4 + max(1, ones)
        let extra = block == 6 ? 1 : block == 7 ? 2 : 0
        let further = extra + (rate == 12 ? 1 : rate > 12 ? 2 : 0)
        guard end + further < bytes.count,
            Checksum.eight(bytes[offset..<end + further]) == bytes[end + further]
        else { return nil }
        var number = Int64(ones == 0 ? bytes[offset + 4] : bytes[offset + 4] & UInt8(truncatingIfNeeded: 0x7F >> ones))
        for byte in bytes[(offset + 5)..<end] { number = number << 6 | Int64(byte & 0x3F) }
        let size: Int64 =
            switch block {
            case 1: 192
            case 2...5: 144 << Int64(block)
            case 6, 7: Int64(bytes.big(end, extra)) + 1
            default: 1 << Int64(block)
            }
        end += further
        // Frames of blocks of one size are numbered, those of others have the position of their first sample.
        let first = bytes[offset + 1] & 1 == 1 ? number : number * blockSize
        samples = first..<first + size
    }

    /// The cyclic redundancy check of a head, with the polynomial x^8 + x^2 + x + 1.
    private enum Checksum {
        static func eight(_ bytes: ArraySlice<UInt8>) -> UInt8 {
            bytes.reduce(0) { sum, byte in
                (0..<8).reduce(sum ^ byte) { value, _ in value & 0x80 != 0 ? value << 1 ^ 0x07 : value << 1 }
            }
        }
    }
}
