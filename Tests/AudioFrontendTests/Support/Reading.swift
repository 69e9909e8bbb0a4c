import AudioFrontend

/// Everything that an input gave: its samples, and the error that ended it.
struct Reading {
    var samples: [Float] = []
    var failure: AudioError?
    var leftoverBytes = 0
    var sourceRate = 0
    /// Seconds that the input promised beforehand.
    var seconds: Double?

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
        self.samples = samples
    }

    /// Reads a file at `rate`, or at the rate that it was recorded with.
    init(path: String, rate: Int, _ configure: (inout InputOptions) -> Void = { _ in }) throws {
        var options = InputOptions()
        configure(&options)
        self.init(try AudioInput(path: path, rate: rate, options: options))
    }

    /// Reads what a feeder writes, and waits for its end.
    init(_ feeder: ByteFeeder, rate: Int, _ configure: (inout InputOptions) -> Void = { _ in }) throws {
        var options = InputOptions()
        configure(&options)
        self.init(
            try AudioInput(
                descriptor: feeder.descriptor, name: "the pipe", rate: rate, options: options, owned: true))
        written = feeder.finish()
    }

    /// Bytes that the writer of a pipe could write.
    private(set) var written = 0
}
