import AudioFrontend
import Foundation
import TestSupport
import Testing

/// The content of an input, identified by its bytes: foreign formats are refused everywhere, samples of a microphone
/// never.
struct ContentTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Beginnings of formats, from their specifications.
    private static let foreign: [(String, [UInt8])] = [
        ("M4A", [0, 0, 0, 0x20] + Array("ftypM4A ".utf8)), ("WebM", [0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x86, 0x81]),
        ("WavPack", Array("wvpk".utf8) + [0x5A, 1, 0, 0, 0x10, 4]),
        ("an HTTP response", Array("HTTP/1.1 200 OK\r\n".utf8)),
        ("SampleVision", Array("SOUND SAMPLE DATA 2.1 ".utf8)),
        ("Monkey's Audio", Array("MAC ".utf8) + [0x96, 0x0F, 0, 0]),
        ("WMA", [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6, 0xD9]), ("AMR", Array("#!AMR\n".utf8)),
        ("RealMedia", Array(".RMF".utf8)), ("DSF", Array("DSD ".utf8)), ("MIDI", Array("MThd".utf8)),
        ("Musepack", Array("MPCK".utf8)), ("TTA", Array("TTA1".utf8)), ("AVI", Array("RIFF....AVI LIST".utf8)),
        ("PNG", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]), ("JPEG", [0xFF, 0xD8, 0xFF, 0xE0]),
        ("PDF", Array("%PDF-1.4\n".utf8)), ("ZIP", [0x50, 0x4B, 3, 4]), ("gzip", [0x1F, 0x8B, 8, 0]),
        ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]), ("Zstandard", [0x28, 0xB5, 0x2F, 0xFD]),
        ("7z", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        ("ELF", [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0]),
    ]

    private static let texts: [(String, [UInt8])] = [
        ("text", Array("# A heading\n\nSome words of a text that is no sound, with an umlaut: \u{E4}.\n".utf8)),
        ("JSON", Array(#"{"type":"summary","v":1,"seconds":1.48,"top":[]}"#.utf8)),
        ("HTML", Array("<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n".utf8)),
        ("XML", Array("<?xml version=\"1.0\"?>\n<rss><channel/></rss>\n".utf8)),
        (
            "UTF-16",
            [0xFF, 0xFE] + "Some words that Windows wrote, in UTF-16.".utf16.flatMap { WaveBytes.little(UInt64($0), 2) }
        ),
    ]

    /// Frames of AAC (ADTS) with the header of 44.1 kHz stereo, and of AC-3 with that of 448 kbit/s at 48 kHz.
    private static var frames: [(String, [UInt8])] {
        var random = SplitMix64(seed: 71)
        func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        let adts: [UInt8] = (0..<12).flatMap { (_: Int) -> [UInt8] in
            let length = 300 + Int(random.next() % 200)
            let header: [UInt8] = [
                0xFF, 0xF1, 0x50, 0x80 | UInt8(length >> 11), UInt8(length >> 3 & 0xFF),
                UInt8(length << 5 & 0xFF) | 0x1F, 0xFC,
            ]
            return header + noise(length - 7)
        }
        let ac3: [UInt8] = (0..<4).flatMap { (_: Int) -> [UInt8] in [0x0B, 0x77, 0, 0, 30, 0x40] + noise(1_792 - 6) }
        return [("ADTS", adts), ("ADTS from the middle", Array(adts.dropFirst(111))), ("AC-3", ac3)]
    }

    @Test(arguments: foreign + texts + frames)
    func refused(_ name: String, _ beginning: [UInt8]) throws {
        var random = SplitMix64(seed: 72)
        let isComplete = (Self.texts + Self.frames).contains { $0.0 == name }
        let rest = isComplete ? [] : (0..<20_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let bytes = beginning + rest
        try folder.write(bytes, to: "input")
        for acceptsRawPCM in [false, true] {
            let errors = [
                #expect(throws: AudioError.self) { try Reading(path: "\(folder.path)/input", rate: 16_000) },
                #expect(throws: AudioError.self) {
                    try Reading(ByteFeeder(bytes), rate: 16_000) { $0.acceptsRawPCM = acceptsRawPCM }
                },
            ]
            for (error, source) in zip(errors, ["\(folder.path)/input", "X"]) {
                #expect(error?.code == .decode)
                let remedy = "ffmpeg -i \(source) -f wav - | audio-classifierd run -"
                #expect(error?.message.contains(remedy) == true, "\(name)")
            }
        }
        // A caller that declares it raw gets samples.
        for declare in [{ $0.container = .raw }, { $0.sampleFormat = .s16le }, { $0.sampleRate = 16_000 }]
            as [(inout InputOptions) -> Void]
        {
            let read = try Reading(path: "\(folder.path)/input", rate: 16_000, declare)
            try compareBits(read.samples, with: RawSamples.values(bytes, .s16le).map(Float.init), name)
        }
    }

    /// Possible beginnings of a microphone's samples.
    private static func microphone(_ kind: Int, seed: UInt64) -> [Double] {
        var random = SplitMix64(seed: seed)
        let count = 6_000
        return (0..<count).map { index in
            switch kind {
            case 0: 0
            case 1: 3 * random.normal() / 32_768
            case 2: max(-1, min(1, 0.3 * random.normal()))
            case 3: (60 + 8 * random.normal()) / 32_768
            case 4: 0.9 * sine(cycles: Double(index) / 48)
            case 5: index < 3_000 ? 0 : 0.2 * random.normal().clamped
            case 6: 0.3
            default: index / 25 % 2 == 0 ? 0.25 : -0.25
            }
        }
    }

    @Test(arguments: 0...7)
    func samplesAreSamples(_ kind: Int) throws {
        for seed in 0..<TestScale.choose(6, reduced: 1) as Range<UInt64> {
            let bytes = RawSamples.encode(Self.microphone(kind, seed: seed), as: .s16le)
            let read = try Reading(ByteFeeder(bytes), rate: 16_000)
            #expect(read.failure == nil)
            try compareBits(
                read.samples, with: RawSamples.values(bytes, .s16le).map(Float.init), "kind \(kind), \(seed)")
        }
    }

    /// Noise of full scale, in which every code occurs, headers of frames among them.
    @Test func noiseIsSamples() throws {
        for seed in 0..<40 as Range<UInt64> {
            let bytes = RawSamples.bytes(.s16le, count: 5_000, seed: seed)
            let read = try Reading(ByteFeeder(bytes), rate: 16_000)
            #expect(read.samples.count == 5_000, "seed \(seed)")
        }
    }

    /// A periodic signal, each period of which looks like the header of an MP3 frame of the same length.
    @Test func periodsAreNoFrames() throws {
        // 128 kbit/s at 48 kHz: 384 bytes.
        let period: [UInt8] = [0xFF, 0xFB, 0x94, 0x40] + [UInt8](repeating: 0x11, count: 380)
        let bytes: [UInt8] = [7, 7] + Array(repeating: period, count: 30).joined()
        let read = try Reading(ByteFeeder(bytes), rate: 16_000)
        try compareBits(read.samples, with: RawSamples.values(bytes, .s16le).map(Float.init), "a period of 192 samples")
    }

    /// MP3 is recognised by its frames although the input is described as raw PCM, and refused where nothing else is
    /// taken; full-scale noise after one such header is samples.
    @Test func framesAreNoRawSamples() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        let path = "\(folder.path)/a.mp3"
        try Libsndfile.encode(testSignal(100_000, seed: 91), as: coding, to: path)
        let bytes = try folder.read("a.mp3")
        try #require(bytes[0] == 0xFF)
        let plain = try Reading(path: path, rate: 16_000)
        for describe in [{ $0.sampleFormat = .s16le }, { $0.sampleRate = 44_100 }] as [(inout InputOptions) -> Void] {
            try compareBits(Reading(path: path, rate: 16_000, describe).samples, with: plain.samples, "by path")
            let piped = try Reading(ByteFeeder(bytes), rate: 16_000, describe)
            try compareBits(piped.samples, with: plain.samples, "by pipe")
        }
        for size in [1, 3, 700, bytes.count] {
            var decoder = try PCMDecoder(name: "socket", format: .s16le, sampleRate: 16_000, rate: 16_000)
            let error = #expect(throws: AudioError.self) {
                for start in stride(from: 0, to: bytes.count, by: size) {
                    try decoder.push(Array(bytes[start..<min(start + size, bytes.count)])) { _ in }
                }
            }
            #expect(error?.message.contains("these bytes are MP3, not raw PCM") == true, "\(size) bytes at a time")
        }
        for seed in 0..<20 as Range<UInt64> {
            let noise = Array(bytes.prefix(4)) + RawSamples.bytes(.s16le, count: 5_000, seed: seed)
            let read = try Reading(ByteFeeder(noise), rate: 16_000) { $0.sampleFormat = .s16le }
            try compareBits(read.samples, with: RawSamples.values(noise, .s16le).map(Float.init), "seed \(seed)")
        }
    }

    /// A file that is opened by its name is raw PCM only if the caller declares it so.
    @Test func namedFilesAreNotRaw() throws {
        let bytes = RawSamples.encode(Self.microphone(2, seed: 1), as: .s16le)
        try folder.write(bytes, to: "sound.raw")
        let error = #expect(throws: AudioError.self) { try Reading(path: "\(folder.path)/sound.raw", rate: 16_000) }
        #expect(error?.message.contains("--input-format raw") == true)
        // A caller with another interface than a command line gives its own words.
        let words = #expect(throws: AudioError.self) {
            try Reading(path: "\(folder.path)/sound.raw", rate: 16_000) {
                $0.advice = InputAdvice(rawPCM: "a form=raw", marks: ("", "="), classifyingCommand: "send")
            }
        }
        #expect(words?.message.hasSuffix("-f wav - | send. Raw PCM needs a form=raw") == true)
        // As standard input, it may be a microphone's recording.
        #expect(try Reading(redirected: "\(folder.path)/sound.raw", rate: 16_000).samples.count == 6_000)
    }
}

extension Double {
    fileprivate var clamped: Double { Swift.max(-1, Swift.min(1, self)) }
}
