/// The header of a FLAC file: its mark, and blocks of metadata, which can be longer than the sound (RFC 9639).
struct FLACHeader {
    /// The offset of the first frame, or `nil` if the file ends inside the header.
    private(set) var end: Int64?
    /// Number of samples of a channel, or `nil` if the header has none, as `flac` writes it into a pipe.
    let length: Int64?
    /// Number of samples in a block, if all blocks but the last have the same.
    let blockSize: Int64

    // Invariant: offsets up to the end of a file, which has fewer than 2^62 bytes, and blocks of fewer than 2^24.
    /// - Parameter offset: that of the mark.
    init(_ window: FileWindow, at offset: Int64) {
        let fields = window.bytes(at: offset + 8, 18)
        let count = fields.count == 18 ? Int64(fields.big(13, 5) & 0xF_FFFF_FFFF) : 0
        length = count > 0 ? count : nil
        blockSize = fields.count == 18 ? Int64(fields.big(0, 2)) : 0
        var position = offset + 4
        var isLast = false
        while !isLast {
            let block = window.bytes(at: position, 4)
            guard block.count == 4 else { return }
            position += 4 + Int64(block.big(1, 3))
            guard position <= window.count else { return }
            isLast = block[0] & 0x80 != 0
        }
        end = position
    }
}
