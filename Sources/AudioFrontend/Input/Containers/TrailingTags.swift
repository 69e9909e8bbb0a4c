/// The tags behind the last frame of an MP3 or a FLAC.
enum TrailingTags {
    // Invariant: offsets lie inside a file of fewer than 2^62 bytes, and lengths have 32 bits.
    /// Returns the offset of the first of them, or the window's end: of tags of ID3 version 1, of APE and Lyrics3.
    static func start(in window: FileWindow) -> Int64 {
        var end = window.count
        while let length = length(before: end, window) { end -= length }
        return end
    }

    /// The length of the tag that ends at an offset.
    private static func length(before end: Int64, _ window: FileWindow) -> Int64? {
        if window.bytes(at: end - 128, 3).has("TAG") { return 128 }
        let tail = window.bytes(at: end - 32, 32)
        guard tail.count == 32 else { return nil }
        if tail.has("APETAGEX") {
            let length = max(32, Int64(tail.little(12, 4)) + (tail[23] & 0x80 != 0 ? 32 : 0))
            return length <= end ? length : nil
        }
        if tail.has("LYRICS200", at: 23), let size = Int64(String(decoding: tail[17..<23], as: UTF8.self)),
            window.bytes(at: end - 15 - size, 11).has("LYRICSBEGIN")
        {
            return size + 15
        }
        return nil
    }
}
