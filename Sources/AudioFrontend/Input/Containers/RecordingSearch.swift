/// Looks for the beginning of a recording inside other bytes: behind another recording, or behind a few bytes that do
/// not belong to it.
enum RecordingSearch {
    // Invariant: offsets are those of bytes in memory or in a window of a file; tags have 28 bits, frames a few
    // kilobytes.
    /// Magics that do not occur in samples and in compressed audio: eight bytes, or six of which two are zeros.
    private static let magics: [Magic] =
        ["RIFF", "RIFX", "RF64", "BW64"].map { Magic(.header(.wave), (0, Array($0.utf8)), (8, Array("WAVE".utf8))) }
        + ["AIFF", "AIFC"].map { Magic(.header(.aiff), (0, Array("FORM".utf8)), (8, Array($0.utf8))) }
        + [
            Magic(.soundFile("FLAC"), (0, Array("fLaC".utf8) + [0, 0, 0, 34])),
            Magic(.header(.coreAudio), (0, Array("caff".utf8)), (8, Array("desc".utf8))),
            Magic(.header(.wave64), (0, Array("riff".utf8) + [0x2E, 0x91, 0xCF, 0x11])),
            Magic(.header(.sphere), (0, Array("NIST_1A\n".utf8))),
            Magic(.header(.voice), (0, Array("Creative Voice File".utf8))),
            Magic(.foreign("Matroska or WebM"), (0, [0x1A, 0x45, 0xDF, 0xA3]), (4, [0x9F, 0x42, 0x86])),
            Magic(.foreign("MP4 or M4A"), (0, [0, 0, 0]), (4, Array("ftyp".utf8))),
        ]
    private static let ogg = Magic(.soundFile("Ogg"), (0, Array("OggS".utf8) + [0, 2]))
    /// First bytes of these magics.
    private static let firstBytes = Set("RFfcrNC.".utf8).union([0x1A, 0])
    private static let headLength = 24

    /// A coding whose own scan finds its recordings.
    enum Coding { case ogg, mpeg }

    /// Whether a recording begins at an offset.
    /// - Parameter other: the coding that it does not have.
    static func begins(_ reader: inout WindowReader, _ offset: Int64, other: Coding? = nil) -> Bool {
        guard let first = reader.bytes(offset, 1)?.first else { return false }
        switch first {
        case 0x4F: return other != .ogg && (reader.bytes(offset, 6).map { ogg.matches($0) } ?? false)
        case 0x49: return other != .mpeg && isTaggedMPEG(&reader, offset)
        case 0xFF: return other != .mpeg && isMPEG(&reader, offset)
        default:
            guard firstBytes.contains(first), let head = reader.bytes(offset, headLength) else { return false }
            return magics.contains { $0.matches(head) } || isSun(Array(head))
        }
    }

    /// The offset of the next recording of any kind in a window.
    static func offset(in window: FileWindow, from start: Int64) -> Int64? {
        var reader = WindowReader(window)
        var position = start
        while position < window.count {
            if begins(&reader, position) { return position }
            position += 1
        }
        return nil
    }

    /// Identifies a recording that begins after a few other bytes, such as a byte order mark or the head of a message.
    static func behindOtherBytes(_ bytes: [UInt8]) -> Content? {
        for offset in 1..<max(1, bytes.count - 12) where firstBytes.contains(bytes[offset]) || bytes[offset] == 0x4F {
            let head = bytes[offset..<min(offset + headLength, bytes.count)]
            let name = (magics + [ogg]).first { $0.matches(head) }?.content.name ?? (isSun(Array(head)) ? "AU" : nil)
            if let name { return .foreign("\(name) behind \(offset) other bytes") }
        }
        return nil
    }

    /// An AU header with possible values, because its magic has four bytes only.
    private static func isSun(_ head: [UInt8]) -> Bool {
        // The file may end within the header.
        head.count >= 24 && head.has(".snd") && (24...65_536).contains(head.big(4, 4))
            && (1...27).contains(head.big(12, 4)) && Limits.sampleRates.contains(head.big(16, 4))
            && Limits.channels.contains(head.big(20, 4))
    }

    private static func isTaggedMPEG(_ reader: inout WindowReader, _ offset: Int64) -> Bool {
        guard let head = reader.bytes(offset, 10).map(Array.init), head.has("ID3"), (2...4).contains(head[3]),
            head[6...].allSatisfy({ $0 < 0x80 })
        else { return false }
        return isMPEG(&reader, offset + 10 + head[6...].reduce(0) { $0 << 7 | Int64($1) })
    }

    /// Whether four frames of one stream follow each other.
    private static func isMPEG(_ reader: inout WindowReader, _ offset: Int64) -> Bool {
        guard let first = reader.bytes(offset, 4).flatMap(MPEGFrame.init) else { return false }
        var position = offset
        for _ in 0..<4 {
            guard let frame = reader.bytes(position, 4).flatMap(MPEGFrame.init), frame.isLike(first) else {
                return false
            }
            position += Int64(frame.length)
        }
        return true
    }
}
