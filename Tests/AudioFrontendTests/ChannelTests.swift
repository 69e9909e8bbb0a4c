import AudioFrontend
import TestSupport
import Testing

/// The choice of a channel, and descriptions that contradict the input.
struct ChannelTests {
    private let folder: TemporaryDirectory
    private let wave: WaveBytes

    init() throws {
        folder = try TemporaryDirectory()
        var wave = WaveBytes(format: .f32le, rate: 16_000, channels: 3)
        wave.data = RawSamples.bytes(.f32le, count: 3 * 5_000, seed: 19)
        self.wave = wave
        try folder.write(wave.bytes, to: "three.wav")
    }

    private func both(_ configure: (inout InputOptions) -> Void) throws -> [Reading] {
        [
            try Reading(path: "\(folder.path)/three.wav", rate: 16_000, configure),
            try Reading(ByteFeeder(wave.bytes), rate: 16_000, configure),
        ]
    }

    @Test func mixIsTheMean() throws {
        let channels = RawSamples.channels(RawSamples.values(wave.data, .f32le), count: 3)
        let mean = (0..<5_000).map { index in channels.reduce(0) { $0 + $1[index] } / 3 }
        for read in try both({ $0.selection = .mix }) {
            try compare(read.samples, with: mean, absolute: 3e-7, "mean of three channels")
        }
    }

    /// Equal channels mix to themselves, exactly.
    @Test(arguments: [2, 4, 8])
    func mixOfEqualChannels(_ channels: Int) throws {
        let mono = RawSamples.bytes(.s16le, count: 2_000, seed: 20)
        var wave = WaveBytes(format: .s16le, rate: 16_000, channels: channels)
        wave.data = stride(from: 0, to: mono.count, by: 2).flatMap { start in
            (0..<channels).flatMap { _ in mono[start..<start + 2] }
        }
        let read = try Reading(ByteFeeder(wave.bytes), rate: 16_000)
        try compareBits(read.samples, with: RawSamples.values(mono, .s16le).map(Float.init), "\(channels) channels")
    }

    /// Channels of opposite sign are named, others are not: equal ones, ones without a relation, and one alone.
    @Test(arguments: [(-1.0, true), (-0.7, true), (-0.3, false), (1, false), (0, false)])
    func channelsThatCancel(_ factor: Double, _ cancel: Bool) throws {
        var random = SplitMix64(seed: 21)
        let (first, other) = (random.normals(9_000), random.normals(9_000))
        var wave = WaveBytes(format: .f32le, rate: 16_000, channels: 2)
        wave.data = zip(first, other).flatMap { first, other in
            let second = factor == 0 ? other : Float(factor) * first
            return [first / 8, second / 8].flatMap { value in
                (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
            }
        }
        let mixed = try Reading(ByteFeeder(wave.bytes), rate: 16_000)
        #expect(mixed.warnings.count == (cancel ? 1 : 0), "\(mixed.warnings)")
        #expect(mixed.warnings.allSatisfy { $0.contains("its channels cancel each other: their mean is ") })
        let alone = try Reading(ByteFeeder(wave.bytes), rate: 16_000) { $0.selection = .channel(1) }
        #expect(alone.warnings.isEmpty)
    }

    @Test(arguments: [0, -1, 4, 1_000])
    func noSuchChannel(_ number: Int) throws {
        let error = try #require(throws: AudioError.self) { try both { $0.selection = .channel(number) } }
        #expect(error.code == .description)
        #expect(error.message.contains("there is no channel \(number); the input has 3,"))
    }

    @Test func contradictions() throws {
        for configure in [{ $0.sampleRate = 8_000 }, { $0.channels = 2 }] as [(inout InputOptions) -> Void] {
            for isPipe in [false, true] {
                let error = try #require(throws: AudioError.self) {
                    _ =
                        isPipe
                        ? try Reading(ByteFeeder(wave.bytes), rate: 16_000, configure)
                        : try Reading(path: "\(folder.path)/three.wav", rate: 16_000, configure)
                }
                #expect(error.code == .description)
                #expect(error.message.contains(" contradicts the input"))
            }
        }
        // A description that agrees is accepted.
        let agreeing = try both {
            $0.sampleRate = 16_000
            $0.channels = 3
        }
        #expect(agreeing.allSatisfy { $0.samples.count == 5_000 })
    }

    /// A description of raw PCM is trusted, but must be possible.
    @Test(arguments: [(16_000, 0), (16_000, 257), (0, 1), (999, 1), (1_000_000_000, 1), (-1, 1), (16_000, -1)])
    func impossibleDescriptions(_ rate: Int, _ channels: Int) throws {
        let error = try #require(throws: AudioError.self) {
            try Reading(ByteFeeder([1, 2, 3, 4]), rate: 16_000) {
                $0.container = .raw
                $0.sampleRate = rate
                $0.channels = channels
            }
        }
        #expect(error.code == .description)
    }
}
