import AudioFrontend
import Glibc
import TestSupport
import Testing

/// Input that is damaged, or is not sound, gives an ``AudioError`` that names the position, never silence.
struct BadInputTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func failure(path name: String, rate: Int = 16_000) throws -> AudioError {
        let path = "\(folder.path)/\(name)"
        let error = try #require(throws: AudioError.self) { try Reading(path: path, rate: rate) }
        #expect(error.message.hasPrefix("\(path): "))
        return error
    }

    private func failure(pipe bytes: [UInt8]) throws -> AudioError {
        try #require(throws: AudioError.self) { try Reading(ByteFeeder(bytes), rate: 16_000) }
    }

    /// Headers with impossible values.
    @Test(arguments: [(16_000, 0), (0, 1), (1_000_000_000, 1), (0xFFFF_FFFF, 1), (16_000, 0xFFFF), (16_000, 257)])
    func impossibleHeaders(_ rate: Int, _ channels: Int) throws {
        var wave = WaveBytes(format: .s16le, rate: rate, channels: channels)
        wave.data = [UInt8](repeating: 1, count: 4_000)
        try folder.write(wave.bytes, to: "a.wav")
        #expect(try failure(path: "a.wav").code == .decode)
        #expect(try failure(pipe: wave.bytes).code == .decode)
    }

    /// An AU header behind other bytes, and every beginning of it.
    @Test func headersThatEndBehindOtherBytes() throws {
        let header = Array(".snd".utf8) + [0, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0x1F, 0x40, 0, 0, 0, 1]
        for count in 0...header.count {
            try folder.write([UInt8](repeating: 1, count: 21) + header.prefix(count), to: "a.au")
            #expect(try failure(path: "a.au").code == .decode, "\(count) bytes of the header")
        }
    }

    @Test func damagedHeaders() throws {
        var early = WaveBytes(data: [1, 2, 3, 4])
        early.beforeFormat = Array("data".utf8) + [4, 0, 0, 0, 1, 2, 3, 4]
        #expect(try failure(pipe: early.bytes).message.contains("no format"))
        var huge = WaveBytes(data: [1, 2, 3, 4])
        huge.beforeFormat = Array("LIST".utf8) + [0, 0, 0, 0x7F]
        #expect(try failure(pipe: huge.bytes).message.contains("is the header damaged?"))
        let short = Array("RIFF....WAVEfmt ".utf8) + [2, 0, 0, 0, 1, 0] + Array("data....".utf8)
        #expect(try failure(pipe: short).code == .decode)
    }

    @Test func noFiles() throws {
        #expect(try failure(path: "missing.wav").code == .notFound)
    }

    @Test func notFiles() throws {
        #expect(try failure(path: ".").code == .notFound)
        try folder.write([], to: "empty.wav")
        #expect(try failure(path: "empty.wav").code == .decode)
        try folder.write(Array("This is no sound at all, but a text of some length.\n".utf8), to: "text.wav")
        #expect(try failure(path: "text.wav").code == .decode)
        #expect(try failure(pipe: []).code == .decode)
    }

    /// A stream that is declared as WAV, but is not.
    @Test func notWave() throws {
        let error = try #require(throws: AudioError.self) {
            try Reading(ByteFeeder(Array("Not a header at all".utf8)), rate: 16_000) { $0.container = .wav }
        }
        #expect(error.code == .decode)
        #expect(error.message.contains("--input-format raw"))
    }

    /// Bytes that only begin like a container.
    @Test(arguments: ["fLaC", "OggS", "ID3", "FORM", "RIFX", "caff", ".snd", "riff"])
    func onlyTheBeginning(_ magic: String) throws {
        #expect(try failure(pipe: Array(magic.utf8) + [UInt8](repeating: 0, count: 500)).code == .decode)
    }

    // The superuser may read every file.
    @Test(.enabled(if: geteuid() != 0, "the superuser may read every file"))
    func unreadable() throws {
        try folder.write(WaveBytes(data: [1, 2]).bytes, to: "secret.wav")
        #expect(unsafe chmod("\(folder.path)/secret.wav", 0) == 0)
        #expect(try failure(path: "secret.wav").code == .notFound)
    }

    /// A sample that is not finite: all samples before it are delivered, and the message gives its position.
    @Test(arguments: [Double.nan, .infinity, -.infinity], [0, 1, 4_999, 9_000])
    func notANumber(_ value: Double, _ position: Int) throws {
        var values = testSignal(10_000).map(Double.init)
        values[position] = value
        for format in [SampleFormat.f32le, .f64le] {
            var wave = WaveBytes(format: format, rate: 16_000, channels: 1)
            wave.data = RawSamples.encode(values, as: format)
            try folder.write(wave.bytes, to: "a.wav")
            let readings = [
                try Reading(path: "\(folder.path)/a.wav", rate: 16_000),
                try Reading(ByteFeeder(wave.bytes, chunk: 1_000), rate: 16_000),
            ]
            for read in readings {
                #expect(read.failure?.code == .sample)
                #expect(read.failure?.message.contains("sample \(position) (") == true)
                try compareBits(read.samples, with: values[..<position].map { Float($0) }, "before the sample")
            }
        }
    }

    /// All samples before it are delivered after a change of rate, too.
    @Test func notANumberWhenResampled() throws {
        var values = testSignal(30_000).map(Double.init)
        values[20_000] = .nan
        var wave = WaveBytes(format: .f32le, rate: 48_000, channels: 1)
        wave.data = RawSamples.encode(values, as: .f32le)
        let damaged = try Reading(ByteFeeder(wave.bytes), rate: 16_000)
        wave.data.removeLast(4 * 10_000)
        let cut = try Reading(ByteFeeder(wave.bytes), rate: 16_000)
        #expect(damaged.failure?.code == .sample)
        #expect(cut.failure == nil)
        try compareBits(damaged.samples, with: cut.samples, "up to the sample that is not a number")
    }

    /// One channel's infinity spoils the mix, but not another channel on its own.
    @Test func notANumberInAChannel() throws {
        var wave = WaveBytes(format: .f32le, rate: 16_000, channels: 2)
        wave.data = RawSamples.encode([1, 1, 1, .infinity, 1, 1], as: .f32le)
        #expect(try Reading(ByteFeeder(wave.bytes), rate: 16_000).samples == [1])
        let first = try Reading(ByteFeeder(wave.bytes), rate: 16_000) { $0.selection = .channel(1) }
        #expect(first.samples == [1, 1, 1])
        #expect(first.failure == nil)
    }

    /// The error stays: reading on does not skip the damage.
    @Test func errorsStay() throws {
        let bytes = RawSamples.encode([0.5, .nan, 0.5], as: .f32le)
        var options = InputOptions()
        options.container = .raw
        options.sampleFormat = .f32le
        let feeder = try ByteFeeder(bytes)
        var input = try AudioInput(
            descriptor: feeder.descriptor, name: "the pipe", rate: 16_000, options: options, owned: true)
        var samples: [Float] = []
        #expect(try input.read { append($0, to: &samples) })
        for _ in 0..<3 {
            let error = #expect(throws: AudioError.self) { try input.read { append($0, to: &samples) } }
            #expect(error?.code == .sample)
        }
        #expect(samples == [0.5])
    }
}
