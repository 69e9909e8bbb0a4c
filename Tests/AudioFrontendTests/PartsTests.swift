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
