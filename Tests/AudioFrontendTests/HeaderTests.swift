import AudioFrontend
import Glibc
import TestSupport
import Testing

/// Containers of a header and samples: by path, redirected and in a pipe, against the definition of the sample format.
struct HeaderTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func file(_ kind: HeaderBytes, channels: Int, frames: Int) throws -> (bytes: [UInt8], path: String, [Float])
    {
        let data = RawSamples.bytes(kind.format, count: frames * channels, seed: 31)
        let bytes = kind.bytes(data, rate: 22_050, channels: channels)
        try folder.write(bytes, to: "a.\(kind.rawValue)")
        let expected = RawSamples.channels(RawSamples.values(data, kind.format), count: channels)[channels - 1]
        return (bytes, "\(folder.path)/a.\(kind.rawValue)", expected.map(Float.init))
    }

    @Test(arguments: HeaderBytes.allCases, 1...3)
    func everyWay(_ kind: HeaderBytes, _ channels: Int) throws {
        let (bytes, path, expected) = try file(kind, channels: channels, frames: 9_001)
        let whole = try Libsndfile.decode(path)
        #expect(whole.rate == 22_050)
        try compareBits(Libsndfile.channel(channels, of: whole.samples, channels), with: expected, "libsndfile")
        let select: (inout InputOptions) -> Void = { $0.selection = .channel(channels) }
        let readings = [
            ("path", try Reading(path: path, rate: 22_050, select)),
            ("redirected", try Reading(redirected: path, rate: 22_050, select)),
            ("pipe", try Reading(ByteFeeder(bytes), rate: 22_050, select)),
            ("pieces", try Reading(ByteFeeder(bytes, chunk: 97), rate: 22_050, select)),
        ]
        for (way, read) in readings {
            #expect(read.failure == nil && read.sourceRate == 22_050)
            #expect(read.truncation == nil && read.leftoverBytes == 0, "\(way)")
            try compareBits(read.samples, with: expected, "\(kind), \(way)")
        }
    }

    /// Samples are delivered while the writer continues.
    @Test(arguments: HeaderBytes.allCases)
    func asTheyArrive(_ kind: HeaderBytes) throws {
        let (bytes, _, expected) = try file(kind, channels: 1, frames: 2_000)
        let feeder = try ByteFeeder(Array(bytes.prefix(bytes.count - 700)), keepsOpen: true)
        var input = try AudioInput(
            descriptor: feeder.descriptor, name: "the pipe", rate: 22_050, options: InputOptions(), owned: true)
        var samples: [Float] = []
        while samples.count < 1_500 { #expect(try input.read { append($0, to: &samples) }) }
        try compareBits(samples, with: Array(expected.prefix(samples.count)), "\(kind)")
    }

    @Test(arguments: HeaderBytes.allCases.filter(\.statesSize))
    func cut(_ kind: HeaderBytes) throws {
        let (bytes, _, expected) = try file(kind, channels: 1, frames: 5_000)
        // At the end of a sample, so that the length is the only fault.
        let data = 5_000 * kind.format.bytesPerSample
        let missing = kind.format.bytesPerSample * 1_000
        let header = bytes.count - data - (kind == .voice ? 1 : 0)
        let cut = Array(bytes.prefix(header + data - missing))
        try folder.write(cut, to: "cut")
        for read in [
            try Reading(path: "\(folder.path)/cut", rate: 22_050), try Reading(ByteFeeder(cut), rate: 22_050),
        ] {
            try compareBits(read.samples, with: Array(expected.prefix(4_000)), "\(kind)")
            #expect(read.truncation == "its header promises \(missing) bytes more")
        }
    }

    /// A size that the writer could not know means "to the end".
    @Test func unknownSizes() throws {
        let data = RawSamples.bytes(.s24be, count: 3_000, seed: 32)
        let expected = RawSamples.values(data, .s24be).map(Float.init)
        var caf = HeaderBytes.coreAudio.bytes(data, rate: 16_000, channels: 1)
        let size = caf.count - data.count - 12
        caf.replaceSubrange(size..<size + 8, with: [UInt8](repeating: 0xFF, count: 8))
        try compareBits(Reading(ByteFeeder(caf), rate: 16_000).samples, with: expected, "CAF of unknown length")
        try folder.write(caf, to: "a.caf")
        let read = try Reading(path: "\(folder.path)/a.caf", rate: 16_000)
        try compareBits(read.samples, with: expected, "CAF of unknown length by path")
        #expect(read.truncation == nil)
        let words = RawSamples.bytes(.s16be, count: 3_000, seed: 33)
        var sun = HeaderBytes.sun.bytes(words, rate: 16_000, channels: 1)
        sun.replaceSubrange(8..<12, with: [0xFF, 0xFF, 0xFF, 0xFF])
        let live = try Reading(ByteFeeder(sun), rate: 16_000)
        try compareBits(live.samples, with: RawSamples.values(words, .s16be).map(Float.init), "AU of sox")
        #expect(live.truncation == nil)
    }

    /// Small chunks without end before the samples, in a pipe, would fill the memory.
    @Test func endlessHeader() throws {
        let chunk = Array("JUNK".utf8) + [0, 0x80, 0, 0] + [UInt8](repeating: 0, count: 32_768)
        var bytes = Array("RIFF".utf8) + [0xFF, 0xFF, 0xFF, 0xFF] + Array("WAVE".utf8)
        for _ in 0..<600 { bytes += chunk }
        let error = try #require(throws: AudioError.self) { _ = try Reading(ByteFeeder(bytes), rate: 16_000) }
        #expect(error.message.contains("more than 16777216 bytes before the samples"), "\(error.message)")
    }

    /// The samples do not depend on how reads are cut.
    @Test(arguments: HeaderBytes.allCases)
    func randomReads(_ kind: HeaderBytes) throws {
        let (bytes, _, expected) = try file(kind, channels: 2, frames: 1_500)
        var random = SplitMix64(seed: 34)
        for _ in 0..<4 {
            let chunk = 1 + Int(random.next() % 3_000)
            let read = try Reading(ByteFeeder(bytes, chunk: chunk), rate: 22_050) { $0.selection = .channel(2) }
            try compareBits(read.samples, with: expected, "\(kind) in pieces of \(chunk)")
        }
    }

    /// Damage anywhere in a header gives a result in time, and the same one by path and by pipe.
    @Test(arguments: HeaderBytes.allCases)
    func mutations(_ kind: HeaderBytes) throws {
        let (bytes, _, _) = try file(kind, channels: 1, frames: 300)
        try mutate(bytes, header: bytes.count - 300 * kind.format.bytesPerSample, name: kind.rawValue)
    }

    @Test(arguments: [false, true], [nil, 600] as [UInt64?])
    func waveMutations(_ isExtensible: Bool, _ wideSize: UInt64?) throws {
        var wave = WaveBytes(format: .s16le, rate: 22_050, channels: 1)
        wave.data = RawSamples.bytes(.s16le, count: 300, seed: 35)
        wave.isExtensible = isExtensible
        wave.wideSize = wideSize
        wave.beforeData = WaveBytes.chunk("LIST", [1, 2, 3])
        try mutate(wave.bytes, header: wave.bytes.count - 600, name: "wave")
    }

    private func mutate(_ bytes: [UInt8], header: Int, name: String) throws {
        var random = SplitMix64(seed: 36)
        // The fields of a header of 1024 bytes are at its beginning.
        let reach = UInt64(min(header, 200))
        for round in 0..<60 {
            var damaged = bytes
            for _ in 0...random.next() % 3 {
                let value = [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())][Int(random.next() % 6)]
                damaged[Int(random.next() % reach)] = value
            }
            try folder.write(damaged, to: "damaged")
            let path = Result { try Reading(path: "\(folder.path)/damaged", rate: 22_050) }
            let pipe = Result { try Reading(ByteFeeder(damaged), rate: 22_050) { $0.acceptsRawPCM = false } }
            switch (path, pipe) {
            case (.success(let file), .success(let piped)):
                #expect(file.samples.map(\.bitPattern) == piped.samples.map(\.bitPattern), "\(name), round \(round)")
                #expect(file.failure?.code == piped.failure?.code)
            case (.failure(let file), .failure(let piped)):
                #expect((file as? AudioError)?.code == (piped as? AudioError)?.code, "\(name), round \(round)")
            default: Issue.record("\(name), round \(round): \(path) and \(pipe)")
            }
        }
    }
}
