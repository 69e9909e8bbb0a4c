import AudioFrontend
import Glibc
import TestSupport
import Testing

/// Raw PCM in a stream, against the definition of its format in float64.
struct RawSampleTests {
    private func read(
        _ bytes: [UInt8], _ format: SampleFormat, channels: Int = 1, selection: ChannelSelection = .mix,
        chunk: Int? = nil, through channel: ByteFeeder.Channel = .pipe
    ) throws -> Reading {
        try Reading(ByteFeeder(bytes, chunk: chunk, through: channel), rate: 16_000) {
            $0.container = .raw
            $0.sampleFormat = format
            $0.channels = channels
            $0.selection = selection
        }
    }

    @Test(arguments: SampleFormat.allCases)
    func definition(_ format: SampleFormat) throws {
        // Every code of the formats of one and two bytes, and random ones.
        let codes: [UInt8] =
            format.bytesPerSample == 1
            ? Array(0...255)
            : format.bytesPerSample == 2 ? (0..<65_536).flatMap { WaveBytes.little(UInt64($0), 2) } : []
        let bytes = codes + RawSamples.bytes(format, count: 10_000, seed: 11)
        let expected = RawSamples.values(bytes, format).map(Float.init)
        let observed = try read(bytes, format)
        #expect(observed.failure == nil)
        try compareBits(observed.samples, with: expected, format.rawValue)
    }

    @Test(arguments: [SampleFormat.s24be, .f64be, .s32le])
    func extremes(_ format: SampleFormat) throws {
        let size = format.bytesPerSample
        let isFloat = format == .f64be
        let least = isFloat ? RawSamples.encode([-1], as: format) : [0x80] + [UInt8](repeating: 0, count: size - 1)
        let bytes = format == .s32le ? least.reversed() : least
        #expect(try read(bytes, format).samples == [-1])
    }

    /// Reads that end anywhere in a sample frame.
    @Test(arguments: [1, 2, 3, 5, 7, 11, 4_095, 4_096], [SampleFormat.s16le, .s24be, .f64le])
    func cuts(_ chunk: Int, _ format: SampleFormat) throws {
        let bytes = RawSamples.bytes(format, count: 3 * 1_000, seed: 12)
        let expected = RawSamples.channels(RawSamples.values(bytes, format), count: 3)[2].map(Float.init)
        let read = try read(bytes, format, channels: 3, selection: .channel(3), chunk: chunk, through: .packets)
        try compareBits(read.samples, with: expected, "\(format.rawValue) in pieces of \(chunk)")
        #expect(read.leftoverBytes == 0)
    }

    /// The stream ends inside a sample: it is left out, and its bytes are counted.
    @Test(arguments: 1...11)
    func incompleteLastSample(_ extra: Int) throws {
        let bytes = RawSamples.bytes(.s32be, count: 3 * 100, seed: 13)
        let tail = [UInt8](repeating: 1, count: extra)
        let read = try read(bytes + tail, .s32be, channels: 3, chunk: 7)
        #expect(read.samples.count == 100)
        #expect(read.leftoverBytes == extra)
        #expect(read.failure == nil)
    }

    @Test func fewerBytesThanOneSample() throws {
        let read = try read([1], .s16le)
        #expect(read.failure?.code == .decode)
        #expect(read.leftoverBytes == 1)
    }

    /// Without a description: 16-bit little-endian, mono, at the reader's rate.
    @Test func defaults() throws {
        let bytes = RawSamples.bytes(.s16le, count: 999, seed: 14)
        let read = try Reading(ByteFeeder(bytes), rate: 22_050)
        #expect(read.sourceRate == 22_050)
        try compareBits(read.samples, with: RawSamples.values(bytes, .s16le).map(Float.init), "defaults")
    }

    /// Samples that begin like a WAV file are raw PCM if the caller declares it.
    @Test func rawWins() throws {
        let bytes = WaveBytes(data: RawSamples.bytes(.s16le, count: 50, seed: 15)).bytes
        let read = try read(bytes, .s16le)
        try compareBits(read.samples, with: RawSamples.values(bytes, .s16le).map(Float.init), "raw")
    }

    /// A file and a FIFO, by their paths, give the same samples.
    @Test func paths() throws {
        let folder = try TemporaryDirectory()
        let bytes = RawSamples.bytes(.mulaw, count: 20_000, seed: 16)
        let expected = RawSamples.values(bytes, .mulaw).map(Float.init)
        try folder.write(bytes, to: "sound.raw")
        for kind in ["sound.raw", "fifo"] {
            let path = "\(folder.path)/\(kind)"
            if kind == "fifo" {
                #expect(unsafe mkfifo(path, 0o600) == 0)
                let feeder = ByteFeeder(bytes, chunk: 1_000, fifo: path)
                defer { _ = feeder.finish() }
                try compareBits(readRaw(path).samples, with: expected, kind)
            } else {
                try compareBits(readRaw(path).samples, with: expected, kind)
            }
        }
    }

    private func readRaw(_ path: String) throws -> Reading {
        try Reading(path: path, rate: 8_000) {
            $0.container = .raw
            $0.sampleFormat = .mulaw
        }
    }
}
