/// The header of a FLAC file: its mark, and blocks of metadata, which can be longer than the sound.
enum FLACHeader {
    /// Returns whether a file ends inside the header that begins at an offset.
    static func isCut(_ window: FileWindow, at offset: Int64) -> Bool {
        // Invariant: offsets up to the end of a file, which has fewer than 2^62 bytes, and blocks of fewer than 2^24.
        var position = offset + 4
        while true {
            let block = window.bytes(at: position, 4)
            guard block.count == 4 else { return true }
            // Invariant: as above; the walk ends at the end of the file.
            position += 4 + (Int64(block[1]) << 16 | Int64(block[2]) << 8 | Int64(block[3]))
            guard position <= window.count else { return true }
            let isLast = block[0] & 0x80 != 0
            if isLast { return false }
        }
    }
}
