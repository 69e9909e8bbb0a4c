import AudioFrontend
import Glibc
import TestSupport
import Testing

/// WAV headers as recorders write them: containers wider than the sample, chunks of any length, wrong sizes.
struct WaveVariantTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func expect(_ wave: WaveBytes, _ expected: [Float], _ what: String) throws {
        try folder.write(wave.bytes, to: "a.wav")
        for (way, read) in [
            ("path", try Reading(path: "\(folder.path)/a.wav", rate: wave.rate)),
            ("redirected", try Reading(redirected: "\(folder.path)/a.wav", rate: wave.rate)),
            ("pipe", try Reading(ByteFeeder(wave.bytes, chunk: 1_001), rate: wave.rate)),
        ] {
            #expect(read.failure == nil && read.truncation == nil, "\(what), \(way)")
            try compareBits(read.samples, with: expected, "\(what), \(way)")
        }
    }

    /// `arecord -f S24_LE -t wav`: 24 bits, block align 4. Bits above the sample's are ignored.
    @Test func bitsInTheLowBytes() throws {
        var wave = WaveBytes(format: .s24in32le)
        wave.statedBits = 24
        wave.data = RawSamples.bytes(.s24in32le, count: 4_000, seed: 41)
        try expect(wave, RawSamples.values(wave.data, .s24in32le).map(Float.init), "S24_LE")
    }

    /// Fewer valid bits fill their container from the top.
    @Test(arguments: [(SampleFormat.s16le, 12), (.s24le, 20), (.s32le, 24), (.s32le, 20)])
    func validBits(_ format: SampleFormat, _ bits: Int) throws {
        var wave = WaveBytes(format: format)
        wave.isExtensible = true
        wave.validBits = bits
        wave.data = RawSamples.bytes(format, count: 4_000, seed: 42)
        try expect(wave, RawSamples.values(wave.data, format).map(Float.init), "\(bits) bits, extensible")
        guard bits != 24 else { return }
        wave.isExtensible = false
        wave.statedBits = bits
        try expect(wave, RawSamples.values(wave.data, format).map(Float.init), "\(bits) bits")
    }

    @Test(arguments: [0, 1, 70_001, 3 << 20])
    func chunksBeforeTheSamples(_ size: Int) throws {
        var wave = WaveBytes(data: RawSamples.bytes(.s16le, count: 4_000, seed: 43))
        let expected = RawSamples.values(wave.data, .s16le).map(Float.init)
        wave.beforeData = WaveBytes.chunk("smpl", []) + WaveBytes.chunk("axml", [UInt8](repeating: 0x20, count: size))
        try expect(wave, expected, "a chunk of \(size) bytes between")
        wave.beforeFormat = wave.beforeData
        try expect(wave, expected, "chunks of \(size) bytes on both sides")
    }

    /// A coded WAV is decoded by libsndfile, whatever chunks precede its samples.
    @Test func codedBehindAChunk() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "wav-adpcm" })
        try Libsndfile.encode(testSignal(6_000), as: coding, to: "\(folder.path)/a.wav")
        let whole = try Libsndfile.decode("\(folder.path)/a.wav").samples
        var bytes = try folder.read("a.wav")
        bytes.insert(contentsOf: WaveBytes.chunk("JUNK", [UInt8](repeating: 1, count: 300_000)), at: 12)
        try folder.write(bytes, to: "junk.wav")
        try compareBits(Reading(path: "\(folder.path)/junk.wav", rate: coding.rate).samples, with: whole, "path")
        try compareBits(Reading(ByteFeeder(bytes), rate: coding.rate).samples, with: whole, "pipe")
    }

    /// The first of two formats counts.
    @Test func twoFormats() throws {
        var wave = WaveBytes(data: RawSamples.bytes(.s16le, count: 4_000, seed: 44))
        var other = WaveBytes(format: .u8, rate: 8_000, channels: 2).bytes
        other.removeFirst(12)
        wave.beforeData = Array(other.prefix(24))
        try expect(wave, RawSamples.values(wave.data, .s16le).map(Float.init), "two formats")
    }

    @Test(arguments: [nil, 0, UInt64.max] as [UInt64?])
    func broadcast64(_ stated: UInt64?) throws {
        var wave = WaveBytes(data: RawSamples.bytes(.s16le, count: 4_000, seed: 45))
        wave.wideSize = stated ?? UInt64(wave.data.count)
        wave.wideMagic = "BW64"
        try expect(wave, RawSamples.values(wave.data, .s16le).map(Float.init), "BW64")
    }

    /// Files of more than 4 GiB, without their bytes on the disk: the whole length is known, and a wrapped size is
    /// reported.
    @Test(arguments: [
        (UInt32(truncatingIfNeeded: 5 << 30), true), (0, false), (0xFFFF_FFFF, false), (0x7FFF_F000, true),
    ])
    func moreThan4GiB(_ stated: UInt32, _ wraps: Bool) throws {
        let size = stated == 0x7FFF_F000 ? Int(stated) : 5 << 30
        var wave = WaveBytes(format: .s16le, rate: 48_000, channels: 2)
        wave.statedSize = stated
        try folder.write(wave.bytes, to: "huge.wav")
        let path = "\(folder.path)/huge.wav"
        #expect(unsafe truncate(path, wave.bytes.count + size) == 0)
        let warnings = Warnings()
        var options = InputOptions()
        options.warn = warnings.append
        let input = try AudioInput(path: path, rate: 48_000, options: options)
        let seconds = input.seconds
        #expect(seconds == Double(size / 4) / 48_000)
        #expect(warnings.all.contains { $0.contains("wrapped at 4 GiB") } == (wraps && size == 5 << 30))
    }
}
