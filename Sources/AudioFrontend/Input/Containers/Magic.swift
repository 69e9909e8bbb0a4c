/// Bytes at fixed offsets that identify a format.
struct Magic {
    let content: Content
    private let parts: [(offset: Int, bytes: [UInt8])]

    private init(_ content: Content, _ parts: (Int, [UInt8])...) {
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

    func matches(_ head: ArraySlice<UInt8>) -> Bool {
        parts.allSatisfy { part in head.dropFirst(part.offset).starts(with: part.bytes) }
    }

    /// Whether the bytes match as far as they go.
    func mayBegin(_ head: [UInt8]) -> Bool {
        parts.allSatisfy { part in zip(head.dropFirst(part.offset), part.bytes).allSatisfy { $0 == $1 } }
    }

    /// All magics; the first match counts.
    static let all: [Magic] = headers + soundFiles + foreign

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
            Magic(.soundFile("MATLAB 4"), (0, [0, 0, 3, 0xE8, 0, 0, 0, 1, 0, 0, 0, 1])),
            Magic(.soundFile("MATLAB 4"), (0, [0xE8, 3, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])),
            Magic(.soundFile("SDS"), (0, [0xF0, 0x7E]), (3, [1])),
        ]
        // A tag, before frames as a rule.
        + [0, 2, 3, 4].map { Magic(.soundFile("audio behind an ID3 tag"), (0, Array("ID3".utf8) + [$0])) }

    private static let foreign: [Magic] = [
        Magic(.foreign("MP4 or M4A"), "", 4, "ftyp"),
        Magic(.foreign("Matroska or WebM"), (0, [0x1A, 0x45, 0xDF, 0xA3])),
        Magic(.foreign("an HTTP response"), "HTTP/1."), Magic(.foreign("SampleVision"), "SOUND SAMPLE DATA"),
        Magic(.foreign("WavPack"), "wvpk"), Magic(.foreign("Monkey's Audio"), "MAC "),
        Magic(.foreign("ASF or WMA"), (0, [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11])),
        Magic(.foreign("RealMedia"), ".RMF"), Magic(.foreign("RealAudio"), (0, Array(".ra".utf8) + [0xFD])),
        Magic(.foreign("AMR"), "#!AMR"), Magic(.foreign("DSF"), "DSD "), Magic(.foreign("DSDIFF"), "FRM8"),
        Magic(.foreign("MIDI"), "MThd"), Magic(.foreign("Musepack"), "MPCK"), Magic(.foreign("Musepack"), "MP+\u{7}"),
        Magic(.foreign("Musepack"), "MP+\u{17}"),
        Magic(.foreign("TTA"), "TTA1"), Magic(.foreign("TTA"), "TTA2"), Magic(.foreign("AAC (ADIF)"), "ADIF"),
        Magic(.foreign("Shorten"), "ajkg"), Magic(.foreign("OptimFROG"), "OFR "),
        Magic(.foreign("DTS"), (0, [0x7F, 0xFE, 0x80, 0x01])), Magic(.foreign("Flash video"), "FLV\u{1}"),
        Magic(.foreign("an MPEG program stream"), (0, [0, 0, 1, 0xBA])),
        Magic(.foreign("AVI"), "RIFF", 8, "AVI "), Magic(.foreign("a RIFF file that is no WAV"), "RIFF"),
        Magic(.foreign("PNG"), (0, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])),
        Magic(.foreign("JPEG"), (0, [0xFF, 0xD8, 0xFF, 0xE0])), Magic(.foreign("JPEG"), (0, [0xFF, 0xD8, 0xFF, 0xE1])),
        Magic(.foreign("JPEG"), (0, [0xFF, 0xD8, 0xFF, 0xDB])), Magic(.foreign("JPEG"), (0, [0xFF, 0xD8, 0xFF, 0xEE])),
        Magic(.foreign("GIF"), "GIF8"), Magic(.foreign("PDF"), "%PDF-"),
        Magic(.foreign("TIFF"), (0, [0x49, 0x49, 0x2A, 0])),
        Magic(.foreign("a ZIP archive"), "PK\u{3}\u{4}"), Magic(.foreign("a RAR archive"), "Rar!\u{1A}"),
        Magic(.foreign("a gzip file"), (0, [0x1F, 0x8B, 8, 0])),
        Magic(.foreign("a gzip file"), (0, [0x1F, 0x8B, 8, 8])),
        Magic(.foreign("an xz file"), (0, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0])),
        Magic(.foreign("a Zstandard file"), (0, [0x28, 0xB5, 0x2F, 0xFD])),
        Magic(.foreign("a bzip2 file"), (0, Array("BZh".utf8)), (4, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59])),
        Magic(.foreign("a 7z archive"), (0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C])),
        Magic(.foreign("an ELF program"), (0, [0x7F, 0x45, 0x4C, 0x46])),
        Magic(.foreign("an SQLite database"), "SQLite format 3"),
        Magic(.foreign("a NumPy array"), (0, [0x93]), (1, Array("NUMPY".utf8))),
    ]
}
