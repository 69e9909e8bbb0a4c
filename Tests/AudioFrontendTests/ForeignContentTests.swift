import AudioFrontend
import Foundation
import TestSupport
import Testing

/// What a path refuses, a pipe refuses too; and no samples are refused for a likeness.
struct ForeignContentTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func expectRefusal(_ bytes: [UInt8], _ name: String) throws {
        let path = "\(folder.path)/input"
        try folder.write(bytes, to: "input")
        let file = #expect(throws: AudioError.self, "\(name)") { try Reading(path: path, rate: 16_000) }
        #expect(file?.message.contains("ffmpeg -i \(path) -f wav - | audio-classifierd run -") == true, "\(name)")
        for piece in [nil, 7] {
            let pipe = #expect(throws: AudioError.self, "\(name)") {
                try Reading(ByteFeeder(bytes, chunk: piece), rate: 16_000)
            }
            #expect(pipe?.code == .decode)
            #expect(pipe?.message.contains("ffmpeg -i X -f wav - | audio-classifierd run -") == true, "\(name)")
        }
    }

    @Test(arguments: ForeignHeaders.all)
    func headers(_ name: String, _ bytes: [UInt8]) throws { try expectRefusal(bytes, name) }

    private static let german =
        "Der Zug f\u{E4}hrt \u{FC}ber die Br\u{FC}cke, die T\u{FC}re \u{F6}ffnet sich. Gr\u{F6}\u{DF}e: 5\n"
    private static let russian = "Съешь же ещё этих мягких французских булок, да выпей чаю.\n"

    /// Text in encodings other than UTF-8.
    @Test(arguments: [
        (german, String.Encoding.isoLatin1), (german, .windowsCP1252), (german, .macOSRoman), (russian, .windowsCP1251),
        (german, .utf16LittleEndian), (german, .utf16BigEndian),
    ])
    func text(_ line: String, _ encoding: String.Encoding) throws {
        for count in [3, 30] {
            let data = try #require(String(repeating: line, count: count).data(using: encoding))
            try expectRefusal(Array(data), "\(encoding), \(count) lines")
        }
    }

    @Test func shortText() throws {
        for line in ["hello\n", "16000\n", "Gr\u{FC}\u{DF}e aus K\u{F6}ln, \u{D6}sterreich\n"] {
            try expectRefusal(line.unicodeScalars.map { UInt8($0.value) }, line)
        }
    }

    /// Samples at any offset of recordings, in any format, are samples: nothing in them looks like a container.
    @Test(arguments: [SampleFormat.s16le, .s16be, .s24le, .s32le, .f32le, .u8, .s8, .mulaw])
    func samplesAreSamples(_ format: SampleFormat) throws {
        var random = SplitMix64(seed: 76)
        let recordings = try ["Front_Left", "Noise", "Rear_Center"].compactMap { name -> [Float]? in
            let path = "/usr/share/sounds/alsa/\(name).wav"
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            return try Reading(path: path, rate: 16_000).samples
        }
        let loud = testSignal(40_000, seed: 5).map { max(-1, min(1, 3 * $0)) }
        for samples in recordings + [testSignal(40_000), loud] {
            for _ in 0..<TestScale.choose(12, reduced: 1) {
                let start = Int(random.next() % UInt64(samples.count - 3_000))
                let values = samples[start..<start + 3_000].map(Double.init)
                let bytes = RawSamples.encode(values, as: format)
                let read = try Reading(ByteFeeder(bytes), rate: 16_000)
                #expect(read.failure == nil && read.samples.count == bytes.count / 2, "\(format) from sample \(start)")
            }
        }
    }
}
