import AudioFrontend
import Glibc
import TestSupport
import Testing

/// Streams that are decoded at their end, and FIFOs without a writer.
struct SpoolTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// A pipe whose other end interrupts a reader.
    private func interrupt() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// A radio's MP3 without an end: a warning says at once that decoding waits for the end, and after an interrupt the
    /// bytes so far are decoded.
    @Test func interruptUsesWhatHasCome() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        try Libsndfile.encode(testSignal(100_000, seed: 91), as: coding, to: "\(folder.path)/a.mp3")
        let bytes = try folder.read("a.mp3")
        let expected = try Reading(path: "\(folder.path)/a.mp3", rate: 44_100)
        let feeder = try ByteFeeder(bytes, keepsOpen: true)
        let (reader, writer) = try interrupt()
        defer { close(reader) }
        let interruption = ByteFeeder([0x78], into: writer, after: 0.5)
        let warnings = Warnings()
        var options = InputOptions()
        options.interrupt = reader
        options.warn = { line in
            // The warning precedes the end.
            warnings.append(line)
        }
        var input = try AudioInput(
            descriptor: feeder.descriptor, name: "radio", rate: 44_100, options: options, owned: true)
        #expect(warnings.all.contains { $0.contains("radio: MP3 in a pipe") })
        let isInterrupted = input.isInterrupted
        #expect(isInterrupted)
        var samples: [Float] = []
        while try input.read({ append($0, to: &samples) }) {}
        _ = interruption.finish()
        let (isStillInterrupted, truncation) = (input.isInterrupted, input.truncation)
        #expect(!isStillInterrupted && truncation == nil)
        try compareBits(samples, with: expected.samples, "the bytes before the interrupt")
    }

    /// An interrupt before the first frame.
    @Test func interruptBeforeTheFirstFrame() throws {
        let feeder = try ByteFeeder(
            Array("fLaC".utf8) + [0, 0, 0, 34] + [UInt8](repeating: 0, count: 20), keepsOpen: true)
        let (reader, writer) = try interrupt()
        defer { close(reader) }
        _ = ByteFeeder([0x78], into: writer, after: 0.3)
        var options = InputOptions()
        options.interrupt = reader
        let read = Reading(
            try AudioInput(descriptor: feeder.descriptor, name: "radio", rate: 16_000, options: options, owned: true))
        #expect(read.failure == nil && read.samples.isEmpty)
    }

    /// Without a writer, the interrupt ends the wait. In open(2) it could not.
    @Test func fifoWithoutAWriter() throws {
        let path = "\(folder.path)/fifo"
        #expect(unsafe mkfifo(path, 0o600) == 0)
        let (reader, writer) = try interrupt()
        defer { close(reader) }
        _ = ByteFeeder([0x78], into: writer, after: 0.3)
        let read = try Reading(path: path, rate: 16_000) { $0.interrupt = reader }
        #expect(read.failure == nil && read.samples.isEmpty)
    }

    /// A writer that opens the FIFO late, with and without an interrupt descriptor.
    @Test(arguments: [false, true])
    func fifoWithALateWriter(_ hasInterrupt: Bool) throws {
        let path = "\(folder.path)/fifo"
        #expect(unsafe mkfifo(path, 0o600) == 0)
        let (reader, writer) = try interrupt()
        defer {
            close(reader)
            close(writer)
        }
        let bytes = RawSamples.bytes(.s16le, count: 9_000, seed: 92)
        let feeder = ByteFeeder(bytes, chunk: 999, fifo: path)
        let read = try Reading(path: path, rate: 16_000) { $0.interrupt = hasInterrupt ? reader : nil }
        _ = feeder.finish()
        try compareBits(read.samples, with: RawSamples.values(bytes, .s16le).map(Float.init), "a late writer")
    }

    /// Raw PCM from a socket is checked, too: a WAV would be noise.
    @Test func containersInARawStream() throws {
        let wave = WaveBytes(data: RawSamples.bytes(.s16le, count: 4_000, seed: 93))
        for chunk in [1, 7, 5_000] {
            var decoder = try PCMDecoder(name: "socket", format: .s16le, sampleRate: 16_000, rate: 16_000)
            let error = #expect(throws: AudioError.self) {
                for start in stride(from: 0, to: wave.bytes.count, by: chunk) {
                    try decoder.push(Array(wave.bytes[start..<min(start + chunk, wave.bytes.count)])) { _ in
                        Issue.record("no sample comes before the header is known")
                    }
                }
            }
            #expect(error?.code == .decode && error?.message.contains("a WAV file") == true)
        }
    }

    /// A pushed stream and a pulled one give the same samples.
    @Test(arguments: [16_000, 44_100])
    func pushAndPull(_ rate: Int) throws {
        let bytes = RawSamples.bytes(.s24be, count: 2 * 20_000, seed: 94)
        let pulled = try Reading(ByteFeeder(bytes), rate: 16_000) {
            ($0.container, $0.sampleFormat, $0.sampleRate, $0.channels) = (.raw, .s24be, rate, 2)
        }
        var random = SplitMix64(seed: 95)
        var decoder = try PCMDecoder(name: "socket", format: .s24be, sampleRate: rate, channels: 2, rate: 16_000)
        var samples: [Float] = []
        var start = 0
        while start < bytes.count {
            let end = min(start + Int(random.next() % 9_000), bytes.count)
            try decoder.push(Array(bytes[start..<end])) { append($0, to: &samples) }
            start = end
        }
        try decoder.finish { append($0, to: &samples) }
        try compareBits(samples, with: pulled.samples, "\(rate) Hz")
    }
}
