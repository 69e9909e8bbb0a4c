package import AudioFrontend
internal import StreamTransformer
internal import StrictCoding

/// The way of one input from its first sample to its last: read, classify, report. Files and live streams take the same
/// way.
package struct StreamSession: Sendable {
    package var model: AudioModel
    package var report: ReportOptions
    package var format = OutputFormat.jsonl
    package var input = InputOptions()
    /// File with the state from which the stream is resumed.
    package var stateIn: String?
    /// File to which the stream is suspended at the end.
    package var stateOut: String?
    /// Whether the output has the records `start` and `end`.
    package var includesStartAndEnd = true

    /// Whether a table has the column `error`, as that of a file among others.
    package var includesErrors = false

    /// Longest duration of the input in seconds; a longer one is an error.
    package var longestSeconds: Double?
    /// Threads that may encode parts of the input beside the calling one; nil for live input, whose predictions come at
    /// once.
    package var spareThreads: SpareThreads?
    /// Returns whether the input shall end; called between reads.
    package var isStopped: @Sendable () -> Bool = { false }
    /// Receives messages for an operator.
    package var inform: @Sendable (String) -> Void = { _ in }
    /// Receives the faults of an input whose samples were used all the same.
    package var warn: @Sendable (String) -> Void = { _ in }

    package init(model: AudioModel, report: ReportOptions) {
        self.model = model
        self.report = report
    }

    /// Form of the records.
    package var layout: RecordLayout {
        var layout = RecordLayout(format, report.mode)
        layout.isWindowed = report.window != nil
        layout.includesErrors = includesErrors
        return layout
    }

    /// First lines of a table; empty for formats without any.
    package var header: [String] {
        format.isOfLabels
            ? LabelWriter(format, sampleRate: model.sampleRate).header : [layout.header].compactMap { $0 }
    }

    /// The end of an input.
    package struct End: Sendable {
        /// Duration of the audio that was classified.
        package let seconds: Double
        /// Whether the input was read to its end, and not only to an interrupt.
        package let isComplete: Bool
        /// Sentences on missing audio; nil for a whole recording.
        package var missingAudio: String?

        package init(seconds: Double, isComplete: Bool, missingAudio: String? = nil) {
            self.seconds = seconds
            self.isComplete = isComplete
            self.missingAudio = missingAudio
        }

        /// The record of a recording that is cut; nil for a whole one, and for JSON lines, which have it in `warnings`.
        package func record(file: String, _ format: OutputFormat) -> Record? {
            guard format != .jsonl else { return nil }
            return missingAudio.map { .error(file: file, code: "cut", message: $0) }
        }
    }

    /// Runs an input whose name need not be text to its end, or until the program is asked to stop.
    /// - Parameters:
    ///   - file: a file, or `-`.
    ///   - stream: the name that the records carry.
    ///   - write: receives lines as they come.
    /// - Throws: the first error, after the records of what was good have been written.
    package func run(_ file: FileName, stream: String, write: ([String]) throws -> Void) throws {
        var audio = try open(file)
        try run(&audio, file: file.isStandardInput ? nil : file.description, stream: stream, write: write)
    }

    /// Runs an input that is open to its end, or until the program is asked to stop.
    /// - Parameter file: the name that `start` and `summary` carry.
    @discardableResult
    package func run(
        _ audio: inout AudioInput, file: String?, stream: String, write: ([String]) throws -> Void
    ) throws -> End {
        var writer = LineWriter(layout, file: file ?? "-", sampleRate: model.sampleRate)
        let end = try runRecords(&audio, file: file, stream: stream) { records in
            let lines = records.flatMap { writer.lines($0) }
            if !lines.isEmpty { try write(lines) }
        }
        var lines = writer.finish(seconds: end.seconds)
        if let record = end.record(file: file ?? "-", format) { lines += writer.lines(record) }
        if !lines.isEmpty { try write(lines) }
        return end
    }

    /// Opens an input with the session's options.
    package func open(_ file: FileName) throws -> AudioInput {
        try AudioInput(file, rate: model.sampleRate, options: inputOptions)
    }

    /// The options of inputs, whose messages are the session's.
    package var inputOptions: InputOptions {
        var options = input
        options.inform = inform
        options.warn = warn
        return options
    }

    /// Runs an input that is open to its end, or until the program is asked to stop.
    /// - Parameters:
    ///   - file: the name that `start` and `summary` carry.
    ///   - stream: the name that the records carry.
    ///   - progress: called with the fraction that is done, if the length is known.
    ///   - lateWarning: returns the caller's warning of an input that was read to its end.
    ///   - report: receives records as they come. The last one has the warnings of the input.
    /// - Throws: the first error, after the records of what was good have been reported.
    package func runRecords(
        _ audio: inout AudioInput, file: String?, stream: String, progress: (Double) -> Void = { _ in },
        lateWarning: () -> String? = { nil }, report consume: ([Record]) throws -> Void
    ) throws -> End {
        let rate = model.sampleRate
        var reporter = StreamReporter(model.network.configuration, stream: stream, options: report)
        if let spareThreads, stateIn == nil, stateOut == nil, audio.seconds != nil {
            // The model may have none.
            if var pipeline = try PartedPipeline(model, spareThreads) {
                return try run(&audio, &pipeline, &reporter, file: file, stream: stream, progress, lateWarning, consume)
            }
        }
        var pipeline = try ClassifierPipeline(model)
        if stateIn != nil || stateOut != nil {
            guard audio.sourceRate == rate else {
                throw ClassifierError(
                    .usage, code: "usage",
                    "--state-in and --state-out need input at the model's rate, \(rate) Hz; "
                        + "\(audio.name) has \(audio.sourceRate) Hz"
                )
            }
        }
        if let stateIn { try StateFile.load(&pipeline, &reporter, model: model, from: stateIn) }
        return try run(&audio, &pipeline, &reporter, file: file, stream: stream, progress, lateWarning, consume) {
            pipeline, reporter in
            guard let stateOut else { return false }
            try StateFile.save(pipeline, reporter, model: model, to: stateOut)
            return true
        }
    }

    /// Runs an input through a pipeline.
    /// - Parameter suspend: called at the end of the input; returns whether the stream goes on in another run.
    private func run<Pipeline: RecordingPipeline & ~Copyable>(
        _ audio: inout AudioInput, _ pipeline: inout Pipeline, _ reporter: inout StreamReporter, file: String?,
        stream: String, _ progress: (Double) -> Void, _ lateWarning: () -> String?,
        _ consume: ([Record]) throws -> Void,
        suspend: (borrowing Pipeline, StreamReporter) throws -> Bool = { _, _ in false }
    ) throws -> End {
        let rate = model.sampleRate
        let configuration = model.network.configuration
        // The reader of the records may go away: then nothing can be written, and the rest of the input need not be
        // read.
        var writeFailure: (any Error)?
        func emit(_ records: [Record]) throws {
            guard !records.isEmpty else { return }
            do { try consume(records) } catch {
                writeFailure = error
                throw error
            }
        }
        if includesStartAndEnd {
            try emit([
                .start(
                    stream: stream, file: file, rate: rate, hop: model.predictionPeriod,
                    model: configuration.name,
                    modelHash: configuration.weightsFile.sha256, labels: configuration.labels.count)
            ])
        }
        inform(
            "listening to \(audio.name) at \(audio.sourceRate) Hz, with \(configuration.name), as stream \(stream)")
        let name = file ?? "-"
        var isComplete = false
        var failure: (any Error)?
        do {
            isComplete = try readAll(&audio, progress: progress) { samples in
                try pipeline.push(samples) { try emit(reporter.records($0, file: name)) }
            }
        } catch { failure = error }
        if let writeFailure { throw writeFailure }
        // Records that may be the last, which has the warnings.
        var last: [Record] = []
        let isSuspended = try suspend(pipeline, reporter)
        if !isSuspended {
            do {
                try pipeline.finish { prediction in
                    let records = reporter.records(prediction, file: name)
                    guard !records.isEmpty else { return }
                    try emit(last)
                    last = records
                }
            } catch { failure = failure ?? error }
            if let writeFailure { throw writeFailure }
        }
        let seconds = Double(pipeline.sampleCount) / Double(rate)
        var end = End(seconds: seconds, isComplete: isComplete)
        var warnings = audio.warnings
        // What a stopped program did not read is not missing.
        if isComplete {
            let missing = audio.missingAudio
            if !missing.isEmpty { end.missingAudio = missing.joined(separator: "; ") }
            let isTooShort =
                !isSuspended && failure == nil && pipeline.predictionCount == 0 && pipeline.sampleCount > 0
            let short =
                "\(audio.name) has \(pipeline.sampleCount) samples at \(rate) Hz, too few for a prediction of "
                + "\(configuration.name); add silence at its end"
            for warning in missing + (isTooShort ? [short] : []) + [lateWarning()].compactMap({ $0 }) {
                warn(warning)
                warnings.append(warning)
            }
        } else if includesErrors, failure == nil {
            let stopped = "\(audio.name): the program was stopped after \(Decimal.text(seconds, 3)) s of it"
            end.missingAudio = stopped
            warn(stopped)
            warnings.append(stopped)
        }
        if !isSuspended, failure == nil || report.mode != .summary {
            last += reporter.finalRecords(file: name, seconds: seconds)
        }
        if includesStartAndEnd {
            last.append(.end(stream: stream, frames: pipeline.predictionCount, dropped: 0))
        }
        last.addToLast(warnings: warnings)
        try emit(last)
        if let failure { throw failure }
        return end
    }

    /// - Returns: whether the input was read to its end.
    private func readAll(
        _ audio: inout AudioInput, progress: (Double) -> Void, _ body: (Span<Float>) throws -> Void
    ) throws -> Bool {
        var isComplete = false
        var failure: (any Error)?
        // Samples that came before the interrupt are classified. A stream that is kept until its end is decoded only
        // after it.
        while failure == nil, !isStopped() || audio.isInterrupted {
            let isMore = try audio.read { samples in
                guard failure == nil else { return }
                do { try body(samples) } catch { failure = error }
            }
            guard isMore else {
                isComplete = !isStopped()
                break
            }
            if let longestSeconds, audio.secondsRead > longestSeconds {
                throw ClassifierError(
                    .data, code: "too_long",
                    "\(audio.name) is longer than \(longestSeconds) s, the longest duration that is accepted; cut it")
            }
            if let seconds = audio.seconds { progress(audio.secondsRead / max(seconds, 1e-9)) }
        }
        if let failure { throw failure }
        return isComplete
    }
}
