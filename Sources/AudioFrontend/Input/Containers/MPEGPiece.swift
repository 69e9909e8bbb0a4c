/// A range of frames that a decoder reads by itself.
struct MPEGPiece: Equatable {
    private(set) var range: Range<Int64>
    private var frames = 0
    private var firstFrame: Int64 = 0
    /// The header of its first frame.
    private var header: [UInt8] = []
    private var lengths: ClosedRange<Int>?
    /// Whether it begins with a Xing, Info or VBRI tag.
    var hasTag = false

    init(start: Int64) { range = start..<start }

    // Invariant: offsets lie inside a file of fewer than 2^62 bytes; frames are shorter than 8 KiB.
    /// Adds a frame with samples.
    /// - Parameter header: its four bytes.
    mutating func add(_ frame: MPEGFrame, _ header: [UInt8], at offset: Int64) {
        if self.header.isEmpty { (self.header, firstFrame) = (header, offset) }
        frames += 1
        let known = lengths ?? frame.length...frame.length
        lengths = min(known.lowerBound, frame.length)...max(known.upperBound, frame.length)
    }

    /// Returns the piece up to an offset.
    func ended(at end: Int64) -> MPEGPiece {
        var piece = self
        piece.range = range.lowerBound..<max(range.lowerBound, end)
        return piece
    }

    /// The bytes for a decoder: ``information`` is followed by frames.
    var decoded: Range<Int64> { information.isEmpty ? range : min(firstFrame, range.upperBound)..<range.upperBound }

    /// A frame with the number of the others, for a piece of changing bit rates without one: a decoder estimates the
    /// length of such a piece by its first frame, and may stop before its end. Empty if none is needed.
    var information: [UInt8] {
        // The slots of padding are four bytes in layer I, and one in the others.
        guard !hasTag, let lengths, lengths.upperBound - lengths.lowerBound > 4 else { return [] }
        var header = header
        header[1] |= 1  // without a checksum
        for rate in 1...14 as ClosedRange<UInt8> {
            header[2] = header[2] & 0x0C | rate << 4
            guard let frame = MPEGFrame(header[...]), frame.layer == 1 else { return [] }
            let fields = 4 + frame.sideInformation
            guard frame.length >= fields + 12 else { continue }
            var bytes = [UInt8](repeating: 0, count: frame.length)
            bytes.replaceSubrange(0..<4, with: header)
            bytes.replaceSubrange(fields..<fields + 8, with: Array("Xing".utf8) + [0, 0, 0, 1])
            let count = UInt32(clamping: frames)
            bytes.replaceSubrange(
                fields + 8..<fields + 12, with: (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) })
            return bytes
        }
        return []
    }
}
