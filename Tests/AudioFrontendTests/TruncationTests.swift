import AudioFrontend
import TestSupport
import Testing

/// A truncated file of any container is reported as truncated, and a whole one is not.
struct TruncationTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test(arguments: Libsndfile.codings)
    func cut(_ coding: Libsndfile.Coding) throws {
        let path = "\(folder.path)/sound.\(coding.name)"
        try Libsndfile.encode(testSignal(4 * coding.rate * coding.channels, seed: 61), as: coding, to: path)
        let bytes = try folder.read("sound.\(coding.name)")
        for read in [try Reading(path: path, rate: coding.rate), try Reading(ByteFeeder(bytes), rate: coding.rate)] {
            #expect(read.truncation == nil, "\(coding.name), whole")
        }
        // ALAC has its table of packets after them, and cannot be decoded without it.
        guard coding.name != "caf" else { return }
        for part in [0.4, 0.7, 0.95] {
            let cut = Array(bytes[..<Int(Double(bytes.count) * part)])
            try folder.write(cut, to: "cut")
            let file = try Reading(path: "\(folder.path)/cut", rate: coding.rate)
            let piped = try Reading(ByteFeeder(cut), rate: coding.rate)
            #expect(file.truncation != nil || file.failure != nil, "\(coding.name), cut at \(part)")
            #expect(file.truncation == piped.truncation)
            if coding.name.hasPrefix("flac") {
                #expect(file.truncation?.contains("samples more") == true && file.failure == nil, "cut at \(part)")
            }
            try compareBits(piped.samples, with: file.samples, coding.name)
        }
    }

    /// A FLAC that ends inside its header, where a picture may need more bytes than the sound, or right behind it.
    @Test func insideTheHeader() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "flac" })
        try Libsndfile.encode(testSignal(80_000, seed: 63), as: coding, to: "\(folder.path)/a.flac")
        var bytes = try folder.read("a.flac")
        // A block of padding behind the first block, which has 34 bytes.
        let picture = [1, 0, 0x50, 0] + [UInt8](repeating: 0, count: 0x5000)
        bytes.insert(contentsOf: picture, at: 42)
        #expect(try Reading(ByteFeeder(bytes), rate: 16_000).failure == nil)
        for count in [4, 10, 30, 41, 100, 1000, 5000] {
            let expected = AudioError(
                .decode,
                "the pipe: no sound in FLAC can be decoded, because the input is cut: it ends inside its header; copy "
                    + "it again from where it comes from")
            #expect(throws: expected, "\(count) bytes") {
                try Reading(ByteFeeder(Array(bytes[..<count])), rate: 16_000)
            }
        }
        let first = try Reading(ByteFeeder(Array(bytes[..<43])), rate: 16_000).failure
        #expect(first?.message.hasSuffix("no sample in it; the input is cut: it ends inside its header") == true)
        let tagged = Array("ID3".utf8) + [4, 0, 0, 0, 0, 8, 0] + [UInt8](repeating: 0, count: 100)
        do {
            _ = try Reading(ByteFeeder(tagged), rate: 16_000)
            Issue.record("a cut tag is no audio")
        } catch let error as AudioError { #expect(error.message.contains("is cut: it ends inside its ID3 tag")) }
    }

    /// An MP3 without a count of its frames is found to be truncated by its last frame.
    @Test func withoutInformation() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        try Libsndfile.encode(testSignal(80_000, seed: 62), as: coding, to: "\(folder.path)/a.mp3")
        let bytes = Array(try folder.read("a.mp3").dropFirst(2_000))
        #expect(try Reading(ByteFeeder(bytes), rate: 44_100).truncation == nil)
        let cut = try Reading(ByteFeeder(Array(bytes.dropLast(50))), rate: 44_100)
        #expect(cut.truncation == "it ends inside a frame")
        // A tag after the frames is not a frame.
        let tag = Array("TAG".utf8) + [UInt8](repeating: 0x20, count: 125)
        #expect(try Reading(ByteFeeder(bytes + tag), rate: 44_100).truncation == nil)
        // A tag that states no length ends all the same.
        let empty = Array("APETAGEX".utf8) + [UInt8](repeating: 0, count: 24)
        _ = try Reading(ByteFeeder(bytes + empty + bytes), rate: 44_100)
    }

    /// A recording that is cut and followed by a whole one is still reported, and all that is there is decoded.
    @Test(arguments: ["mp3", "vorbis", "opus"])
    func beforeAnother(_ name: String) throws {
        guard let coding = Libsndfile.codings.first(where: { $0.name == name }) else { return }
        let signal = testSignal(4 * coding.rate * coding.channels, seed: 64)
        try Libsndfile.encode(signal, as: coding, to: "\(folder.path)/a")
        let whole = try folder.read("a")
        let alone = try Reading(ByteFeeder(whole), rate: coding.rate)
        let both = try Reading(ByteFeeder(whole + whole), rate: coding.rate)
        #expect(both.truncation == nil && both.failure == nil)
        // A cut inside a frame or a page, and one that leaves a few bytes of it.
        for count in [whole.count / 2, whole.count / 2 + 3, whole.count - 20] {
            let first = Array(whole[..<count])
            let reading = try Reading(ByteFeeder(first + whole), rate: coding.rate)
            #expect(reading.truncation?.contains("part 1") == true, "\(name), \(count) bytes")
            #expect(reading.failure == nil)
            #expect(reading.samples.count > alone.samples.count, "the second part is there, too")
        }
    }

    /// A tag behind the last frame hides no missing bytes of it.
    @Test func beforeATag() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        try Libsndfile.encode(testSignal(80_000, seed: 65), as: coding, to: "\(folder.path)/a.mp3")
        let whole = try folder.read("a.mp3")
        let id3 = Array("TAG".utf8) + [UInt8](repeating: 0x20, count: 125)
        let size: [UInt8] = [32, 0, 0, 0]
        let ape = Array("APETAGEX".utf8) + [0xD0, 7, 0, 0] + size + [UInt8](repeating: 0, count: 16)
        for tag in [id3, ape, ape + id3] {
            #expect(try Reading(ByteFeeder(whole + tag), rate: 44_100).truncation == nil)
            let cut = try Reading(ByteFeeder(Array(whole.dropLast(50)) + tag), rate: 44_100)
            #expect(cut.truncation == "its header promises 1 frame more")
            let countless = try Reading(ByteFeeder(Array(whole.dropFirst(2_000).dropLast(50)) + tag), rate: 44_100)
            #expect(countless.truncation == "it ends inside a frame")
        }
    }

    /// A FLAC whose header has no number of samples, as from a pipe, is found to be truncated by its last frame.
    @Test func withoutLength() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "flac" })
        try Libsndfile.encode(testSignal(80_000, seed: 66), as: coding, to: "\(folder.path)/a.flac")
        var bytes = try folder.read("a.flac")
        // The lower four bits of the byte 21 and the four bytes behind it.
        bytes[21] &= 0xF0
        bytes.replaceSubrange(22..<26, with: [0, 0, 0, 0])
        let whole = try Reading(ByteFeeder(bytes), rate: coding.rate)
        #expect(whole.truncation == nil && whole.failure == nil && !whole.samples.isEmpty)
        for missing in [1, 2, 3, 100, bytes.count / 2] {
            let cut = try Reading(ByteFeeder(Array(bytes.dropLast(missing))), rate: coding.rate)
            #expect(cut.truncation == "it ends inside a frame", "\(missing) bytes")
            #expect(cut.samples.count < whole.samples.count && cut.failure == nil, "\(missing) bytes")
        }
    }

    /// What follows bytes that are no frames is read, too, and the bytes are named. Behind the last frame they cost
    /// nothing.
    @Test(arguments: [2_000, 0])
    func otherBytesBetweenFrames(first: Int) throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        try Libsndfile.encode(testSignal(400_000, seed: 67), as: coding, to: "\(folder.path)/a.mp3")
        // With a count of its frames, and without.
        let whole = Array(try folder.read("a.mp3").dropFirst(first))
        let samples = try Reading(ByteFeeder(whole), rate: 44_100).samples.count
        let half = whole.count / 2
        for count in [100, 3_000, 9_000] {
            let bytes = whole[..<half] + [UInt8](repeating: 0, count: count) + whole[half...]
            let reading = try Reading(ByteFeeder(Array(bytes)), rate: 44_100)
            #expect(abs(reading.samples.count - samples) < 8 * 1_152, "\(count) bytes")
            #expect(reading.truncation != nil || reading.warnings.contains { $0.contains("left out") } || count == 100)
            let behind = try Reading(ByteFeeder(whole + [UInt8](repeating: 0, count: count)), rate: 44_100)
            #expect(behind.samples.count == samples && behind.truncation == nil)
        }
    }

    /// A frame that is cut, in a stream without a count of its frames, does not hide the frames behind it.
    @Test func cutFrameBeforeAnother() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        try Libsndfile.encode(testSignal(200_000, seed: 68), as: coding, to: "\(folder.path)/a.mp3")
        let whole = Array(try folder.read("a.mp3").dropFirst(2_000))
        let samples = try Reading(ByteFeeder(whole), rate: 44_100).samples.count
        for missing in [100, 200, 250] {
            let reading = try Reading(ByteFeeder(Array(whole.dropLast(missing)) + whole), rate: 44_100)
            #expect(reading.truncation == "its part 1 ends inside a frame", "\(missing) bytes")
            #expect(reading.samples.count > 2 * samples - 4 * 1_152)
        }
        // A tag that begins inside a frame, and ends where the frame would, is passed once.
        let tag = Array("ID3".utf8) + [4, 0, 0, 0, 0, 0, 20] + [UInt8](repeating: 0, count: 20)
        for missing in [20, 30, 50] {
            let reading = try Reading(
                ByteFeeder(Array(whole.dropLast(missing)) + tag + [UInt8](repeating: 1, count: 600)), rate: 44_100)
            #expect(reading.truncation == "it ends inside a frame", "\(missing) bytes")
        }
        let counted = try folder.read("a.mp3")
        let holed = Array(counted[..<5_000] + counted[5_100...])
        let reading = try Reading(ByteFeeder(holed), rate: 44_100)
        #expect(reading.truncation?.contains("bytes are missing before byte") == true)
        for rest in [1, 2, 3] {
            let reading = try Reading(ByteFeeder(whole + tail(of: whole, rest)), rate: 44_100)
            #expect(reading.truncation == "it ends inside a frame", "\(rest) bytes")
        }
    }

    /// The length of frames of changing bit rates without a count is not estimated by the first of them.
    @Test func changingBitRates() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        try Libsndfile.encode(testSignal(100_000, seed: 72), as: coding, to: "\(folder.path)/a.mp3")
        let loud = Array(try folder.read("a.mp3").dropFirst(2_000))
        let alone = try Reading(ByteFeeder(loud), rate: 44_100).samples.count
        let header = try #require(tail(of: loud, 4).count == 4 ? tail(of: loud, 4) : nil)
        // Frames of silence, of 32 kbit/s: 144 x 32,000 / 44,100 bytes, all zeros behind the header.
        let quiet = [0xFF, header[1] | 1, 0x10, header[3]] + [UInt8](repeating: 0, count: 100)
        let bytes = loud + (0..<900).flatMap { _ in quiet }
        let reading = try Reading(ByteFeeder(bytes), rate: 44_100)
        #expect(reading.truncation == nil && reading.failure == nil)
        // A decoder may leave out its own delay.
        #expect(abs(reading.samples.count - alone - 900 * 1_152) <= 1_152)
    }

    /// The first bytes of one more frame.
    private func tail(of bytes: [UInt8], _ count: Int) -> [UInt8] {
        guard let start = bytes.indices.first(where: { bytes[$0] == 0xFF && bytes[$0 + 1] & 0xE0 == 0xE0 }) else {
            return []
        }
        return Array(bytes[start..<start + count])
    }

    /// Pages that are missing between others are counted.
    @Test(arguments: ["vorbis", "opus"])
    func missingPages(_ name: String) throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == name })
        let signal = testSignal(40 * coding.rate * coding.channels, seed: 69)
        try Libsndfile.encode(signal, as: coding, to: "\(folder.path)/a")
        let whole = try folder.read("a")
        let pages = whole.indices.filter { whole[$0...].starts(with: Array("OggS".utf8)) }
        try #require(pages.count > 12)
        let bytes = Array(whole[..<pages[5]]) + Array(whole[pages[8]...])
        let reading = try Reading(ByteFeeder(bytes), rate: coding.rate)
        #expect(reading.truncation == "3 pages are not there, before byte \(pages[5])")
        // A radio's listener has the header, and then any later page.
        let joined = Array(whole[..<pages[2]]) + Array(whole[pages[7]...])
        #expect(try Reading(ByteFeeder(joined), rate: coding.rate).truncation == nil)
    }

    /// Of FLACs one after the other each is read once, with a number of samples in the header and without, and with
    /// tags before it and in its header.
    @Test func flacOfUnknownLengthBeforeAnother() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "flac" })
        try Libsndfile.encode(testSignal(200_000, seed: 70), as: coding, to: "\(folder.path)/a.flac")
        let known = try folder.read("a.flac")
        var unknown = known
        unknown[21] &= 0xF0
        unknown.replaceSubrange(22..<26, with: [0, 0, 0, 0])
        for first in [known, unknown] {
            for second in [known, unknown] {
                let reading = try Reading(ByteFeeder(first + second), rate: coding.rate)
                #expect(reading.samples.count == 400_000 && reading.truncation == nil && reading.failure == nil)
            }
        }
        let cut = try Reading(ByteFeeder(Array(unknown.dropLast(100)) + known), rate: coding.rate)
        #expect(cut.truncation == "its part 1 ends inside a frame" && cut.samples.count > 390_000)
        // A line's end, or a tag, behind the last frame is not missing audio.
        for behind in ["\n", "LYRICSBEGIN of a song"] {
            #expect(try Reading(ByteFeeder(unknown + Array(behind.utf8)), rate: coding.rate).truncation == nil)
        }
        let short = Array(try encoded(20_000))
        let tag = Array("ID3".utf8) + [4, 0, 0, 0, 0, 3, 0x74] + [UInt8](repeating: 0, count: 500)
        #expect(try Reading(ByteFeeder(tag + short), rate: coding.rate).samples.count == 20_000)
        // The head of a WAV inside the header of the FLAC, as `flac --keep-foreign-metadata` writes it.
        let body = Array("riffRIFF".utf8) + [0, 0, 1, 0] + Array("WAVEfmt ".utf8) + [UInt8](repeating: 0, count: 24)
        let block = [2, 0, 0, UInt8(body.count)] + body
        let foreign = Array(short[..<42]) + block + Array(short[42...])
        let reading = try Reading(ByteFeeder(foreign), rate: coding.rate)
        #expect(reading.samples.count == 20_000 && reading.failure == nil)
    }

    private func encoded(_ count: Int) throws -> [UInt8] {
        let coding = try #require(Libsndfile.codings.first { $0.name == "flac" })
        try Libsndfile.encode(testSignal(count, seed: 71), as: coding, to: "\(folder.path)/short.flac")
        return try folder.read("short.flac")
    }
}
