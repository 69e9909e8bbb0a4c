import AudioFrontend
import TestSupport
import Testing

/// Concatenated recordings in one file are all read.
struct PartsTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func coding(_ name: String) throws -> Libsndfile.Coding {
        try #require(Libsndfile.codings.first { $0.name == name })
    }

    private func encode(_ coding: Libsndfile.Coding, seed: UInt64, frames: Int) throws -> (bytes: [UInt8], [Float]) {
        let path = "\(folder.path)/part"
        try Libsndfile.encode(testSignal(frames * coding.channels, seed: seed), as: coding, to: path)
        let samples = Libsndfile.channel(1, of: try Libsndfile.decode(path).samples, coding.channels)
        return (try folder.read("part"), samples)
    }

    @Test(arguments: ["vorbis", "opus", "opus-16k", "mp3", "flac", "flac-24", "wav-float"])
    func oneBehindTheOther(_ name: String) throws {
        let coding = try coding(name)
        let parts = try [(51, 40_000), (52, 25_001), (53, 90_000)].map {
            try encode(coding, seed: UInt64($0.0), frames: $0.1)
        }
        let bytes = parts.flatMap(\.bytes)
        let expected = parts.flatMap { $0.1 }
        try folder.write(bytes, to: "chained")
        for (way, read) in [
            ("path", try Reading(path: "\(folder.path)/chained", rate: coding.rate) { $0.selection = .channel(1) }),
            ("pipe", try Reading(ByteFeeder(bytes), rate: coding.rate) { $0.selection = .channel(1) }),
        ] {
            #expect(read.failure == nil && read.truncation == nil, "\(name), \(way)")
            try compareBits(read.samples, with: expected, "\(name), \(way)")
        }
    }

    /// Each part has its own rate and channels.
    @Test(arguments: [["vorbis", "opus"], ["wav-float", "wav-adpcm"], ["flac", "flac-24"]])
    func otherRates(_ names: [String]) throws {
        var bytes: [UInt8] = []
        var expected: [Float] = []
        for (seed, name) in names.enumerated() {
            let part = try encode(coding(name), seed: UInt64(54 + seed), frames: 30_000).bytes
            expected += try Reading(ByteFeeder(part), rate: 16_000).samples
            bytes += part
        }
        try folder.write(bytes, to: "chained")
        let file = try Reading(path: "\(folder.path)/chained", rate: 16_000)
        #expect(file.failure == nil)
        try compareBits(file.samples, with: expected, "\(names), path")
        let piped = try Reading(ByteFeeder(bytes), rate: 16_000)
        try compareBits(piped.samples, with: expected, "\(names), pipe")
    }

    /// Samples of a VOC file: behind silence, continued in a second block, behind a text and more silence, and of
    /// another format.
    @Test(arguments: [[], [0]] as [[UInt8]])
    func blocksOfVoice(_ end: [UInt8]) throws {
        func block(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
            [kind] + (0..<3).map { UInt8(truncatingIfNeeded: body.count >> (8 * $0)) } + body
        }
        func silence(_ count: Int) -> [UInt8] { block(3, [UInt8((count - 1) & 255), UInt8((count - 1) >> 8), 131]) }
        let parts = [(SampleFormat.u8, 61), (.u8, 62), (.mulaw, 63)].map {
            ($0.0, RawSamples.bytes($0.0, count: 3_001, seed: $0.1))
        }
        let bytes =
            Array("Creative Voice File\u{1A}".utf8) + [26, 0, 0x14, 1, 0x1F, 0x11]
            + silence(9) + block(1, [UInt8(256 - 1_000_000 / 8_000), 0] + parts[0].1) + block(2, parts[1].1)
            + block(5, Array("a text".utf8) + [0]) + silence(1_001)
            + block(9, [0x40, 0x1F, 0, 0, 8, 1, 7, 0, 0, 0, 0, 0] + parts[2].1) + end
        let heard = parts.map { RawSamples.values($0.1, $0.0).map(Float.init) }
        let expected =
            [Float](repeating: 0, count: 9) + heard[0] + heard[1] + [Float](repeating: 0, count: 1_001) + heard[2]
        try folder.write(bytes, to: "blocks.voc")
        for read in [
            try Reading(path: "\(folder.path)/blocks.voc", rate: 8_000), try Reading(ByteFeeder(bytes), rate: 8_000),
        ] {
            #expect(read.failure == nil && read.truncation == nil)
            try compareBits(read.samples, with: expected, "VOC")
        }
    }

    /// SoX states eight bytes too few for its block of 16 bits: they are samples, and no block that is cut.
    @Test(arguments: [1, 5])
    func samplesThatSoXDoesNotCount(channels: Int) throws {
        let values: [Int16] = (0..<400).map { Int16($0 % 7 + 1) }
        let samples = values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        let size = samples.count + 12 - 8
        let head = Array("Creative Voice File\u{1A}".utf8) + [0x1A, 0, 0x0A, 1, 0x29, 0x11]
        let fields: [UInt8] = [0x80, 0x3E, 0, 0, 16, UInt8(channels), 4, 0, 0, 0, 0, 0]
        let block = [9, UInt8(size & 255), UInt8(size >> 8), 0] + fields
        let bytes = head + block + samples + [0]
        let read = try Reading(ByteFeeder(bytes), rate: 16_000)
        #expect(read.truncation == nil && read.failure == nil)
        #expect(read.samples.count == values.count / channels && read.leftoverBytes == 0)
        guard channels == 1 else { return }
        #expect(read.samples == values.map { Float($0) / 32768 })
        for missing in 2...7 {
            let cut = try Reading(ByteFeeder(Array(bytes.dropLast(missing))), rate: 16_000)
            #expect(cut.truncation != nil && cut.failure == nil, "\(missing) bytes")
        }
    }

    /// FFmpeg counts the bytes that fill up the last eight of a W64 as samples.
    @Test(arguments: [1, 3, 5])
    func paddingOfWave64(channels: Int) throws {
        let frames = 1_001
        let samples = RawSamples.bytes(.s24le, count: frames * channels, seed: 64)
        let padding = (8 - samples.count % 8) % 8
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func name(_ text: String, _ rest: [UInt8]) -> [UInt8] { Array(text.utf8) + rest }
        let tail: [UInt8] = [0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A]
        let format =
            number(1, 2) + number(channels, 2) + number(16_000, 4) + number(16_000 * 3 * channels, 4)
            + number(3 * channels, 2) + number(24, 2)
        let size = samples.count + padding
        let bytes =
            name("riff", [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0x00, 0x00])
            + number(16 + 24 + 24 + 16 + 24 + size, 8) + name("wave", tail) + name("fmt ", tail) + number(24 + 16, 8)
            + format + name("data", tail) + number(24 + size, 8) + samples + [UInt8](repeating: 0, count: padding)
        let read = try Reading(ByteFeeder(bytes), rate: 16_000)
        #expect(read.failure == nil && read.truncation == nil && read.leftoverBytes == 0)
        // Padding can be as long as a frame.
        #expect((frames...frames + 7 / (3 * channels)).contains(read.samples.count))
    }

    /// Silence in a VOC file leaves the settings before it in force, has any time constant, and any selection of a
    /// channel of the samples behind it.
    @Test func silenceOfVoice() throws {
        func block(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
            [kind] + (0..<3).map { UInt8(truncatingIfNeeded: body.count >> (8 * $0)) } + body
        }
        func silence(_ count: Int, _ constant: UInt8 = 131) -> [UInt8] {
            block(3, [UInt8((count - 1) & 255), UInt8((count - 1) >> 8), constant])
        }
        let data = RawSamples.bytes(.u8, count: 6_000, seed: 71)
        let heard = RawSamples.values(data, .u8).map(Float.init)
        let left = stride(from: 0, to: heard.count, by: 2).map { heard[$0] }
        let right = stride(from: 1, to: heard.count, by: 2).map { heard[$0] }
        let divisor = 65_536 - 256_000_000 / (2 * 8_000)
        // 8,000 Hz, two channels; the time constant of the block behind it says something else.
        let extended = block(8, [UInt8(divisor & 255), UInt8(divisor >> 8), 0, 1])
        let stereo = block(9, [0x40, 0x1F, 0, 0, 8, 2, 0, 0, 0, 0, 0, 0] + data)
        let mono = block(1, [131, 0] + data)
        func zeros(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }
        let slow = block(1, [200, 0] + data)
        let cases: [(blocks: [[UInt8]], channel: Int, expected: [[Float]])] = [
            ([extended, silence(800), slow], 1, [zeros(800), left]),
            ([mono, extended, silence(800), silence(9), slow], 1, [heard, zeros(809), left]),
            ([extended, slow, silence(5), mono], 1, [left, zeros(5), heard]),
            ([silence(800), silence(10), stereo], 2, [zeros(810), right]),
            ([mono, silence(8_000, 255), mono], 1, [heard, zeros(64), heard]),
            ([silence(8_000, 255), silence(10), stereo], 2, [zeros(74), right]),
            ([silence(800), block(2, data), mono], 1, [zeros(800), heard]),
        ]
        let head = Array("Creative Voice File\u{1A}".utf8) + [26, 0, 0x14, 1, 0x1F, 0x11]
        for one in cases {
            let bytes = head + one.blocks.joined() + [0]
            try folder.write(bytes, to: "silence.voc")
            for read in [
                try Reading(path: "\(folder.path)/silence.voc", rate: 8_000) { $0.selection = .channel(one.channel) },
                try Reading(ByteFeeder(bytes), rate: 8_000) { $0.selection = .channel(one.channel) },
            ] {
                #expect(read.failure == nil && read.truncation == nil)
                try compareBits(read.samples, with: Array(one.expected.joined()), "VOC")
            }
        }
        let nothing = try Reading(ByteFeeder(head + silence(800) + block(2, data) + [0]), rate: 8_000)
        #expect(nothing.failure == nil && nothing.samples == zeros(800))
        #expect(nothing.warnings.first?.contains("6000 bytes of a VOC block that continues no other") == true)
        // A mono recording has no second channel, silence before it or not.
        let read = try Reading(ByteFeeder(head + silence(800) + mono + [0]), rate: 8_000) {
            $0.selection = .channel(2)
        }
        #expect(read.failure?.message.contains("there is no channel 2") == true)
    }

    /// Recordings of different kinds, each with its tags.
    @Test(arguments: [
        ["wav-float", "flac"], ["mp3", "wav-float"], ["flac", "vorbis"], ["vorbis", "wav-float"], ["opus", "flac"],
        ["aiff", "aiff"], ["au", "au"], ["w64", "rf64"], ["rifx", "mp3"], ["flac", "mp3"], ["wav-adpcm", "au"],
        ["aiff", "caf"], ["mp3", "vorbis", "flac", "wav-float"], ["flac", "aiff", "opus"],
        ["vorbis", "mp3"],
    ])
    func mixed(_ names: [String]) throws {
        var bytes: [UInt8] = []
        var expected: [Float] = []
        // Parts of one rate share a resampler, which must not be part of the comparison.
        let rates = Set(try names.map { try coding($0).rate })
        let rate = rates.count == 1 ? rates.first ?? 0 : 16_000
        for (seed, name) in names.enumerated() {
            let part = try encode(coding(name), seed: UInt64(61 + seed), frames: 30_001).bytes
            expected += try Reading(ByteFeeder(part), rate: rate).samples
            bytes += part
        }
        try folder.write(bytes, to: "mixed")
        for (way, read) in [
            ("path", try Reading(path: "\(folder.path)/mixed", rate: rate)),
            ("pipe", try Reading(ByteFeeder(bytes, chunk: 9_999), rate: rate)),
            ("redirection", try Reading(redirected: "\(folder.path)/mixed", rate: rate)),
        ] {
            #expect(read.failure == nil && read.truncation == nil, "\(names), \(way)")
            try compareBits(read.samples, with: expected, "\(names), \(way)")
        }
    }

    /// More samples of one WAV, behind other chunks.
    @Test func secondData() throws {
        let values = testSignal(9_000).map(Double.init)
        let halves = [values[..<4_001], values[4_001...]].map { RawSamples.encode(Array($0), as: .s16le) }
        var wave = WaveBytes(format: .s16le, rate: 16_000, channels: 1)
        wave.data = halves[0]
        let note = Array("LIST".utf8) + WaveBytes.little(5, 4) + [1, 2, 3, 4, 5, 0]
        let bytes = wave.bytes + note + Array("data".utf8) + WaveBytes.little(UInt64(halves[1].count), 4) + halves[1]
        try folder.write(bytes, to: "two.wav")
        let expected = RawSamples.values(halves[0] + halves[1], .s16le).map(Float.init)
        try compareBits(try Reading(path: "\(folder.path)/two.wav", rate: 16_000).samples, with: expected, "path")
        try compareBits(try Reading(ByteFeeder(bytes), rate: 16_000).samples, with: expected, "pipe")
    }

    /// Bytes behind a recording: another recording without a decoder is refused where it begins; others are named.
    @Test func restWithoutDecoder() throws {
        let (good, samples) = try encode(coding("wav-float"), seed: 66, frames: 5_000)
        let noise = RawSamples.bytes(.u8, count: 9_000, seed: 7)
        let video = [0, 0, 0, 32] + Array("ftypisom".utf8) + noise
        for (rest, isRefused) in [(video, true), (noise, false), (Array("TAG".utf8) + noise.prefix(125), false)] {
            try folder.write(good + rest, to: "input")
            for read in [
                try Reading(path: "\(folder.path)/input", rate: 16_000) { $0.selection = .channel(1) },
                try Reading(ByteFeeder(good + rest), rate: 16_000) { $0.selection = .channel(1) },
            ] {
                try compareBits(read.samples, with: samples, "before the rest")
                #expect((read.failure != nil) == isRefused)
                #expect(read.failure.map { $0.message.contains("from byte \(good.count) on") } ?? true)
                #expect(
                    read.warnings.contains { $0.contains("from byte \(good.count) on") }
                        == (!isRefused && rest.count > 999))
            }
        }
    }

    /// Damage after the good part is refused, not skipped.
    @Test func damagedSecondPart() throws {
        let (good, samples) = try encode(coding("wav-float"), seed: 56, frames: 5_000)
        var bad = good
        // No rate.
        bad.replaceSubrange(24..<28, with: [0, 0, 0, 0])
        try folder.write(good + bad, to: "chained")
        for read in [
            try Reading(path: "\(folder.path)/chained", rate: 16_000) { $0.selection = .channel(1) },
            try Reading(ByteFeeder(good + bad), rate: 16_000) { $0.selection = .channel(1) },
        ] {
            try compareBits(read.samples, with: samples, "before the damage")
            #expect(read.failure?.code == .decode)
        }
    }

    /// A radio's MP3 that begins inside a frame, or after zeros, is still identified as MP3.
    @Test(arguments: ["middle", "zeros"])
    func beginsLate(_ kind: String) throws {
        let (bytes, whole) = try encode(coding("mp3"), seed: 57, frames: 60_000)
        let late = kind == "zeros" ? [UInt8](repeating: 0, count: 3_000) + bytes : Array(bytes.dropFirst(1_000))
        try folder.write(late, to: "late.mp3")
        let file = try Reading(path: "\(folder.path)/late.mp3", rate: 44_100) { $0.selection = .channel(1) }
        let piped = try Reading(ByteFeeder(late), rate: 44_100) { $0.selection = .channel(1) }
        #expect(file.failure == nil && file.warnings.contains { $0.contains("first MP3 frame") })
        try compareBits(piped.samples, with: file.samples, kind)
        if kind == "zeros" {
            try compareBits(file.samples, with: whole, kind)
        } else {
            #expect(abs(file.samples.count - whole.count) < 10 * 1_152)
        }
    }
}
