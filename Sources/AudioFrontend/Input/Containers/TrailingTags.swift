/// The tags behind the last frame of an MP3 or a FLAC.
enum TrailingTags {
    // Invariant: offsets lie inside a file of fewer than 2^62 bytes, and lengths have 32 bits.
    /// Returns the offset of the first of them, or the window's end: of a tag of ID3 version 1, and of an APE tag.
    static func start(in window: FileWindow) -> Int64 {
        var end = window.count
        if window.bytes(at: end - 128, 3).has("TAG") { end -= 128 }
        let footer = window.bytes(at: end - 32, 32)
        if footer.count == 32, footer.has("APETAGEX") {
            let length = Int64(footer.little(12, 4)) + (footer[23] & 0x80 != 0 ? 32 : 0)
            if length <= end { end -= max(32, length) }
        }
        return end
    }
}
