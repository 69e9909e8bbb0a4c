import AudioFrontend
import TestSupport
import Testing

/// WAV files and WAV in pipes, of every sample format, against libsndfile reading the whole file.
struct WaveFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private static let rates = [4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 192_000]

    /// Every format with 1 to 8 channels; the rates alternate with the channels.
    @Test(arguments: WaveBytes.formats, 1...8)
    func everyFormat(_ format: SampleFormat, _ channels: Int) throws {
        let rate = Self.rates[(channels + format.bytesPerSample) % Self.rates.count]
        // More than one read of the input.
        let count = channels == 1 ? 10_007 : 503
        var wave = WaveBytes(format: format, rate: rate, channels: channels)
        wave.data = RawSamples.bytes(format, count: count * channels, seed: UInt64(channels))
        wave.isExtensible = channels % 3 == 0
        try folder.write(wave.bytes, to: "a.wav")
        let path = "\(folder.path)/a.wav"
        let whole = try Libsndfile.decode(path)
        #expect(whole.samples.count == count * channels)
        let meaning = RawSamples.values(wave.data, format).map(Float.init)
        try compareBits(whole.samples, with: meaning, "libsndfile and the format's definition")
        for channel in 1...channels {
            let expected = Libsndfile.channel(channel, of: whole.samples, channels)
            let file = try Reading(path: path, rate: rate) { $0.selection = .channel(channel) }
            try compareBits(file.samples, with: expected, "file, channel \(channel)")
            #expect(file.failure == nil)
            #expect(file.seconds == Double(count) / Double(rate))
            let chunk = [nil, 4_096, 7, 163][channel % 4]
            let piped = try Reading(ByteFeeder(wave.bytes, chunk: chunk), rate: rate) {
                $0.selection = .channel(channel)
            }
            try compareBits(piped.samples, with: expected, "pipe, channel \(channel)")
            #expect(piped.failure == nil)
            #expect(piped.leftoverBytes == 0)
        }
    }

    @Test(arguments: [1, 7, 4_096, nil])
    func pipeInPieces(_ chunk: Int?) throws {
        var wave = WaveBytes(format: .s24le, rate: 16_000, channels: 2)
        wave.data = RawSamples.bytes(.s24le, count: 5_002, seed: 3)
        wave.beforeFormat = WaveBytes.chunk("JUNK", [UInt8](repeating: 7, count: 27))
        wave.beforeData = WaveBytes.chunk("LIST", [UInt8](repeating: 65, count: 100))
        let piped = try Reading(ByteFeeder(wave.bytes, chunk: chunk), rate: 16_000) { $0.selection = .channel(2) }
        let expected = RawSamples.channels(RawSamples.values(wave.data, .s24le), count: 2)[1].map(Float.init)
        try compareBits(piped.samples, with: expected, "in pieces of \(chunk ?? 0)")
    }

    /// Sizes from programs that cannot know the length, and one that is too large: all mean "to the end", in a pipe and
    /// in a file with the captured bytes of a pipe.
    @Test(arguments: [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 0x8000_0000, 1_000_000] as [UInt32], WaveBytes.formats)
    func statedSizes(_ size: UInt32, _ format: SampleFormat) throws {
        var wave = WaveBytes(format: format, rate: 16_000, channels: 2)
        wave.data = RawSamples.bytes(format, count: 2 * 6_000, seed: 5)
        wave.statedSize = size
        let expected = RawSamples.channels(RawSamples.values(wave.data, format), count: 2)[0].map(Float.init)
        let piped = try Reading(ByteFeeder(wave.bytes), rate: 16_000) { $0.selection = .channel(1) }
        #expect(piped.failure == nil)
        try compareBits(piped.samples, with: expected, "pipe, stated size \(size)")
        try folder.write(wave.bytes, to: "captured.wav")
        let file = try Reading(path: "\(folder.path)/captured.wav", rate: 16_000) { $0.selection = .channel(1) }
        #expect(file.failure == nil)
        try compareBits(file.samples, with: expected, "file, stated size \(size)")
    }

    /// Bytes after the samples are not sound; they are read nevertheless, so that the writer does not fail.
    @Test(arguments: [nil, 30_000] as [UInt64?], [SampleFormat.u8, .s16le])
    func trailingChunks(_ wideSize: UInt64?, _ format: SampleFormat) throws {
        var wave = WaveBytes(format: format, rate: 16_000, channels: 1)
        wave.data = RawSamples.bytes(format, count: 30_000 / format.bytesPerSample, seed: 6)
        wave.wideSize = wideSize
        wave.afterData = WaveBytes.chunk("LIST", [UInt8](repeating: 66, count: 200_000))
        let expected = RawSamples.values(wave.data, format).map(Float.init)
        let piped = try Reading(ByteFeeder(wave.bytes), rate: 16_000)
        try compareBits(piped.samples, with: expected, "pipe")
        #expect(piped.written == wave.bytes.count)
        try folder.write(wave.bytes, to: "a.wav")
        try compareBits(Reading(path: "\(folder.path)/a.wav", rate: 16_000).samples, with: expected, "file")
    }

    /// RF64 from a writer that could not go back to fill in the size.
    @Test(arguments: [0, UInt64.max, UInt64(Int64.max)])
    func wideDummySizes(_ size: UInt64) throws {
        var wave = WaveBytes(format: .s16le, rate: 16_000, channels: 1)
        wave.data = RawSamples.bytes(.s16le, count: 5_000, seed: 7)
        wave.wideSize = size
        let expected = RawSamples.values(wave.data, .s16le).map(Float.init)
        let piped = try Reading(ByteFeeder(wave.bytes, chunk: 999), rate: 16_000)
        #expect(piped.failure == nil)
        try compareBits(piped.samples, with: expected, "RF64 in a pipe")
        // libsndfile cannot open a file with a size that is negative as a signed number.
        guard size != .max else { return }
        try folder.write(wave.bytes, to: "captured.wav")
        let file = try Reading(path: "\(folder.path)/captured.wav", rate: 16_000)
        #expect(file.failure == nil)
        try compareBits(file.samples, with: expected, "RF64 that was captured from a pipe")
    }

    /// The last sample is incomplete: the rest is delivered, and the bytes are counted.
    @Test(arguments: [1, 2, 3, 5])
    func cutSamples(_ missing: Int) throws {
        var wave = WaveBytes(format: .s24le, rate: 16_000, channels: 2)
        wave.data = RawSamples.bytes(.s24le, count: 2_000, seed: 8)
        for size in [0, nil] as [UInt32?] {
            wave.statedSize = size
            let bytes = Array(wave.bytes.dropLast(missing))
            let piped = try Reading(ByteFeeder(bytes, chunk: 100), rate: 16_000) { $0.selection = .channel(1) }
            let expected = RawSamples.channels(RawSamples.values(wave.data, .s24le), count: 2)[0].map(Float.init)
            try compareBits(piped.samples, with: expected.dropLast(), "cut by \(missing) bytes")
            #expect(piped.leftoverBytes == 6 - missing)
            #expect(piped.failure == nil)
        }
    }

    /// A header that ends before its samples begin, at every byte.
    @Test func cutHeaders() throws {
        var wave = WaveBytes()
        wave.beforeData = WaveBytes.chunk("LIST", [1, 2, 3])
        wave.data = [1, 2]
        let header = wave.bytes.count - 2
        for length in 0..<header {
            let error = #expect(throws: AudioError.self) {
                var options = InputOptions()
                options.container = .wav
                let feeder = try ByteFeeder(Array(wave.bytes[..<length]))
                _ = try AudioInput(
                    descriptor: feeder.descriptor, name: "the pipe", rate: 16_000, options: options, owned: true)
            }
            #expect(error?.code == .decode)
            #expect(error?.message.hasPrefix("the pipe: ") == true)
        }
        // The header alone is valid, but has no sample after it.
        let piped = try Reading(ByteFeeder(Array(wave.bytes[..<header])), rate: 16_000)
        let message = "the pipe: there is no sample in it; the input is cut: its header promises 2 bytes more"
        #expect(piped.failure == AudioError(.decode, message))
    }
}
