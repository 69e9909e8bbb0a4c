public import AudioFrontend
internal import StreamTransformer

/// One input from its first sample to its last: read, classify, report. Files and live streams take this same path.
public struct StreamSession: Sendable {
    public var model: AudioModel
    public var report: ReportOptions
    public var format = OutputFormat.jsonl
    public var input = InputOptions()
    /// Resume from, and suspend to, these files.
    public var stateIn: String?
    public var stateOut: String?
    /// Whether `start` and `end` are told.
    public var framed = true

    /// Whether the input shall end; asked between reads.
    public var isStopped: @Sendable () -> Bool = { false }
    /// Takes what an operator may want to know.
    public var inform: @Sendable (String) -> Void = { _ in }
    /// Takes what is wrong with an input whose samples were used all the same.
    public var warn: @Sendable (String) -> Void = { _ in }

    public init(model: AudioModel, report: ReportOptions) {
        self.model = model
        self.report = report
    }

    /// The table's first line, where the format has one.
    public var header: [String] { [format.header(report.emission)].compactMap { $0 } }

    /// Runs the input to its end, or until the program is asked to stop.
    /// - Parameters:
    ///   - path: a file, or `-`.
    ///   - stream: the name that the records carry.
    ///   - progress: told the fraction that is done, where the length is known.
    ///   - write: takes lines as they come.
    /// - Throws: the first error, after the records of what was good have been written.
    public func run(
        _ path: String, stream: String, progress: (Double) -> Void = { _ in }, write: ([String]) throws -> Void
    ) throws {
        try run(FileName(path), stream: stream, progress: progress, write: write)
    }

    /// The same for a file whose name need not be text.
    public func run(
        _ file: FileName, stream: String, progress: (Double) -> Void = { _ in }, write: ([String]) throws -> Void
    ) throws {
        var audio = try AudioInput(file, rate: model.recipe.sampleRate, options: input)
        try run(&audio, file: file.isStandardInput ? nil : file.description, stream: stream, progress: progress, write: write)
    }

    /// The same for an input that is open.
    /// - Parameter file: the name that `start` and `summary` carry.
    public func run(
        _ audio: inout AudioInput, file: String?, stream: String, progress: (Double) -> Void = { _ in },
        write: ([String]) throws -> Void
    ) throws {
        let rate = model.recipe.sampleRate
        let configuration = model.model.configuration
        var reporter = StreamReporter(configuration, stream: stream, options: report)
        var pipeline = try ClassifierPipeline(model)
        if stateIn != nil || stateOut != nil {
            guard audio.sourceRate == rate else {
                throw ClassifierError(
                    .usage, code: "usage",
                    "--state-in and --state-out need input at the model's rate, \(rate) Hz; \(audio.name) has \(audio.sourceRate) Hz"
                )
            }
        }
        if let stateIn { try StateFile.load(&pipeline, &reporter, model: model, from: stateIn) }
        // Whoever takes the lines may go away: nothing can be written then, and there is nothing to go on for.
        var writeFailure: (any Error)?
        func tell(_ records: [Record]) throws {
            guard !records.isEmpty else { return }
            do { try write(records.flatMap(format.lines)) } catch {
                writeFailure = error
                throw error
            }
        }
        if framed {
            try tell([
                .start(
                    stream: stream, file: file, rate: rate, hop: model.hop,
                    model: configuration.name,
                    modelHash: configuration.weightsFile.sha256, labels: configuration.labels.count)
            ])
        }
        inform(
            "listening to \(audio.name) at \(audio.sourceRate) Hz, with \(configuration.name), as stream \(stream)")
        let before = pipeline.predictions
        let result = Result<Void, any Error> {
            try readAll(&audio, progress: progress) { samples in
                try pipeline.push(samples) { try tell(reporter.records($0)) }
            }
        }
        if let writeFailure { throw writeFailure }
        if let stateOut {
            try StateFile.save(pipeline, reporter, model: model, to: stateOut)
        } else {
            try pipeline.finish { try tell(reporter.records($0)) }
            let seconds = Double(pipeline.samples) / Double(rate)
            if (try? result.get()) != nil || report.emission != .summary {
                try tell(reporter.finalRecords(file: file ?? "-", seconds: seconds))
            }
        }
        if framed {
            try tell([.end(stream: stream, frames: pipeline.predictions - before, dropped: 0)])
        }
        try result.get()
        if audio.missingBytes > 0 {
            warn("\(audio.name) is cut: its header promises \(audio.missingBytes) bytes more")
        }
        if audio.leftoverBytes > 0 {
            warn("\(audio.name) ended inside a sample; its last \(audio.leftoverBytes) bytes were not used")
        }
    }

    private func readAll(
        _ audio: inout AudioInput, progress: (Double) -> Void, _ body: (Span<Float>) throws -> Void
    ) throws {
        var failure: (any Error)?
        while failure == nil, !isStopped() {
            let isMore = try audio.read { samples in
                guard failure == nil else { return }
                do { try body(samples) } catch { failure = error }
            }
            guard isMore else { break }
            if let seconds = audio.seconds { progress(audio.secondsRead / max(seconds, 1e-9)) }
        }
        if let failure { throw failure }
    }
}
