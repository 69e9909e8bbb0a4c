import AudioFrontend
import Glibc
import TestSupport
import Testing

/// Names: of files, which are bytes, and of sample formats.
struct NameTests {
    @Test func notText() throws {
        let folder = try TemporaryDirectory()
        let wave = WaveBytes(data: RawSamples.bytes(.s16le, count: 1_000, seed: 81))
        let entry = FileName(bytes: [0x6C, 0xE9, 0x5C, 0x2E, 0x77, 0x61, 0x76])
        let name = FileName(folder.path).appending(entry)
        #expect(!name.isText)
        #expect(name.description == "\(folder.path)/l\\xE9\\.wav")
        try folder.write(wave.bytes, to: "plain")
        #expect(rename("\(folder.path)/plain", name) == 0)
        var input = try AudioInput(name, rate: 16_000)
        var samples: [Float] = []
        while try input.read({ append($0, to: &samples) }) {}
        let shown = input.name
        #expect(shown == name.description)
        try compareBits(samples, with: RawSamples.values(wave.data, .s16le).map(Float.init), "Latin-1 name")
    }

    private func rename(_ old: String, _ new: FileName) -> Int32 {
        unsafe Glibc.rename(old, new.bytes.map(CChar.init(bitPattern:)) + [0])
    }

    @Test(arguments: ["plain.wav", "\u{E4}\u{1F600}.wav", "back\\slash", ""])
    func text(_ text: String) {
        #expect(FileName(text).description == text)
        #expect(FileName(text).isText)
        #expect(FileName(bytes: Array(text.utf8)) == FileName(text))
    }

    /// Cut, overlong and surrogate sequences are not UTF-8: each byte is shown.
    @Test(
        arguments: [
            ([0xC3], "\\xC3"), ([0x61, 0xE2, 0x82], "a\\xE2\\x82"), ([0xC0, 0xAF], "\\xC0\\xAF"),
            ([0xED, 0xA0, 0x80, 0x62], "\\xED\\xA0\\x80b"), ([0xFF, 0xC3, 0xA4, 0x05], "\\xFF\u{E4}\u{5}"),
        ] as [([UInt8], String)])
    func damaged(_ bytes: [UInt8], _ text: String) { #expect(FileName(bytes: bytes).description == text) }

    @Test func formats() {
        let names: [(String, SampleFormat)] = [
            ("S16_LE", .s16le), ("s16le", .s16le), ("S24_LE", .s24in32le), ("S24_3LE", .s24le), ("s24le", .s24le),
            ("S24_BE", .s24in32be), ("S24_3BE", .s24be), ("S32_LE", .s32le), ("FLOAT_LE", .f32le),
            ("float64_be", .f64be),
            ("U8", .u8), ("S8", .s8), ("MU_LAW", .mulaw), ("A_LAW", .alaw), ("U16_LE", .u16le), ("U16_BE", .u16be),
        ]
        for (name, format) in names { #expect(SampleFormat(named: name) == format, "\(name)") }
        for format in SampleFormat.allCases { #expect(SampleFormat(named: format.rawValue) == format) }
        #expect(SampleFormat(named: "GSM") == nil)
    }
}
