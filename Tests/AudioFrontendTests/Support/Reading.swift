import AudioFrontend
import Glibc
import Synchronization
import Testing

/// The result of reading an input: its samples, and the error that ended it.
struct Reading {
    var samples: [Float] = []
    var failure: AudioError?
    var leftoverBytes = 0
    var sourceRate = 0
    /// Duration that the input stated beforehand, in seconds.
    var seconds: Double?
    /// The missing part at the end.
    var truncation: String?
    /// Warnings during the reading.
    var warnings: [String] = []

    /// Reads an input to its end, or up to its error.
    init(_ input: consuming AudioInput) {
        var input = input
        var samples: [Float] = []
        seconds = input.seconds
        sourceRate = input.sourceRate
        do throws(AudioError) {
            while try input.read({ span in for index in span.indices { samples.append(span[index]) } }) {}
        } catch {
            failure = error
        }
        leftoverBytes = input.leftoverBytes
        truncation = input.truncation
        self.samples = samples
    }

    /// Reads a file at `rate`, or at its own rate.
    init(path: String, rate: Int, _ configure: (inout InputOptions) -> Void = { _ in }) throws {
        let warnings = Warnings()
        var options = InputOptions()
        options.warn = warnings.append
        configure(&options)
        self.init(try AudioInput(path: path, rate: rate, options: options))
        self.warnings = warnings.all
    }

    /// Reads the output of a feeder, and waits for its end.
    init(_ feeder: ByteFeeder, rate: Int, _ configure: (inout InputOptions) -> Void = { _ in }) throws {
        let warnings = Warnings()
        var options = InputOptions()
        options.warn = warnings.append
        configure(&options)
        self.init(
            try AudioInput(
                descriptor: feeder.descriptor, name: "the pipe", rate: rate, options: options, owned: true))
        written = feeder.finish()
        self.warnings = warnings.all
    }

    /// Reads an open file, like standard input after `<`.
    init(redirected path: String, rate: Int, _ configure: (inout InputOptions) -> Void = { _ in }) throws {
        let descriptor = unsafe open(path, O_RDONLY)
        try #require(descriptor >= 0)
        var options = InputOptions()
        configure(&options)
        self.init(
            try AudioInput(descriptor: descriptor, name: "the file", rate: rate, options: options, owned: true))
    }

    /// Number of bytes that the writer of a pipe could write.
    private(set) var written = 0
}

/// Collects the warnings of an input.
final class Warnings: Sendable {
    private let lines = Mutex<[String]>([])

    @Sendable func append(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}
