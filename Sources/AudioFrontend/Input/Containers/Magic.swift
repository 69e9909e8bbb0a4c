/// Bytes at fixed offsets that identify a format.
struct Magic {
    let content: Content
    private let parts: [(offset: Int, bytes: [UInt8])]

    init(_ content: Content, _ parts: (Int, [UInt8])...) {
        self.content = content
        self.parts = parts.map { (offset: $0.0, bytes: $0.1) }
    }

    /// - Parameters:
    ///   - text: at the beginning.
    ///   - more: at `offset`.
    private init(_ content: Content, _ text: String, _ offset: Int = 0, _ more: String = "") {
        self.content = content
        parts = [(0, Array(text.utf8)), (offset, Array(more.utf8))]
    }

    /// Number of compared bytes. Samples begin with a magic of three bytes now and then.
    var length: Int { parts.reduce(0) { $0 + $1.bytes.count } }

    /// End of the last compared byte.
    var end: Int { parts.reduce(0) { max($0, $1.offset + $1.bytes.count) } }

    func matches(_ head: ArraySlice<UInt8>) -> Bool {
        parts.allSatisfy { part in head.dropFirst(part.offset).starts(with: part.bytes) }
    }

    /// Whether the bytes match as far as they go.
    func mayBegin(_ head: [UInt8]) -> Bool {
        parts.allSatisfy { part in zip(head.dropFirst(part.offset), part.bytes).allSatisfy { $0 == $1 } }
    }

    /// All magics; the first match counts.
    // Invariant: offsets are those of the table, and the text is a few bytes long.
    static let all: [Magic] = headers + soundFiles + foreign

    /// Magics of sound and video.
    static let recordings: [Magic] = headers + soundFiles + foreignRecordings

    private static let headers: [Magic] =
        ["RIFF", "RIFX", "RF64", "BW64"].map { Magic(.header(.wave), $0, 8, "WAVE") }
        + [
            Magic(.header(.sun), ".snd"), Magic(.header(.sun), "dns."),
            Magic(.header(.aiff), "FORM", 8, "AIFF"), Magic(.header(.aiff), "FORM", 8, "AIFC"),
            Magic(.header(.coreAudio), "caff", 8, "desc"),
            // RIFF's GUID.
            Magic(.header(.wave64), (0, Array("riff".utf8)), (4, [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6])),
            Magic(.header(.sphere), "NIST_1A\n"), Magic(.header(.voice), "Creative Voice File\u{1A}"),
        ]
        + (1...4).flatMap { machine in
            [
                Magic(.header(.ircam), (0, [0x64, 0xA3, machine, 0])),
                Magic(.header(.ircam), (0, [0, machine, 0xA3, 0x64])),
            ]
        }

    /// Other formats of libsndfile.
    private static let soundFiles: [Magic] =
        [
            Magic(.soundFile("FLAC"), "fLaC"), Magic(.soundFile("Ogg"), "OggS"), Magic(.soundFile("CAF"), "caff"),
            Magic(.soundFile("W64"), "riff"), Magic(.soundFile("IFF"), "FORM"), Magic(.soundFile("RIFX"), "RIFX"),
            Magic(.soundFile("PAF"), " paf"), Magic(.soundFile("PAF"), "fap "), Magic(.soundFile("PVF"), "PVF1\n"),
            Magic(.soundFile("MATLAB 5"), "MATLAB 5"), Magic(.soundFile("XI"), "Extended Instrument:"),
            Magic(.soundFile("Psion WVE"), "ALawSoundFile"), Magic(.soundFile("AVR"), "2BIT"),
            Magic(.soundFile("SDS"), (0, [0xF0, 0x7E]), (3, [1])),
        ]
        // A tag, before frames as a rule.
        + [0, 2, 3, 4].map { Magic(.soundFile("audio behind an ID3 tag"), (0, Array("ID3".utf8) + [$0])) }
}
