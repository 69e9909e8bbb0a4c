import AudioFrontend
import Glibc
import TestSupport
import Testing

/// Streams that stay open: the interrupt, samples as they arrive, non-blocking descriptors.
struct StreamEndTests {
    private var options: InputOptions {
        var options = InputOptions()
        options.container = .raw
        return options
    }

    /// Samples are handed over when they arrive, not when a buffer is full; a byte on the interrupt ends the stream.
    @Test func interrupt() throws {
        let bytes = RawSamples.bytes(.s16le, count: 100, seed: 17)
        let feeder = try ByteFeeder(bytes, keepsOpen: true)
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        defer {
            close(ends[0])
            close(ends[1])
        }
        var options = options
        options.interrupt = ends[0]
        var input = try AudioInput(
            descriptor: feeder.descriptor, name: "microphone", rate: 16_000, options: options, owned: true)
        var samples: [Float] = []
        while samples.count < 100 { #expect(try input.read { append($0, to: &samples) }) }
        try compareBits(samples, with: RawSamples.values(bytes, .s16le).map(Float.init), "before the interrupt")
        #expect(unsafe write(ends[1], "x", 1) == 1)
        #expect(try input.read { append($0, to: &samples) } == false)
        #expect(samples.count == 100)
        #expect(try input.read { append($0, to: &samples) } == false)
    }

    /// A microphone that is stopped before its first sample is not an error.
    @Test(arguments: [InputOptions.Container.auto, .wav, .raw])
    func interruptBeforeTheFirstSample(_ container: InputOptions.Container) throws {
        let feeder = try ByteFeeder([], keepsOpen: true)
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        defer {
            close(ends[0])
            close(ends[1])
        }
        #expect(unsafe write(ends[1], "x", 1) == 1)
        var options = InputOptions()
        options.container = container
        options.interrupt = ends[0]
        let read = Reading(
            try AudioInput(
                descriptor: feeder.descriptor, name: "microphone", rate: 16_000, options: options, owned: true))
        #expect(read.failure == nil)
        #expect(read.samples.isEmpty)
    }

    /// A non-blocking descriptor is waited for without a busy loop.
    @Test func nonBlocking() throws {
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        try #require(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        let bytes = RawSamples.bytes(.s16le, count: 500, seed: 18)
        let feeder = ByteFeeder(bytes, into: ends[1], after: 0.5)
        let before = processorTime()
        let read = Reading(
            try AudioInput(descriptor: ends[0], name: "the pipe", rate: 16_000, options: options, owned: true))
        #expect(processorTime() - before < 0.1)
        #expect(feeder.finish() == bytes.count)
        #expect(read.failure == nil)
        try compareBits(read.samples, with: RawSamples.values(bytes, .s16le).map(Float.init), "non-blocking")
    }

    /// Processor time of this thread, in seconds.
    private func processorTime() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
