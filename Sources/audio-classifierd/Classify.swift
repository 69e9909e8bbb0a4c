import ArgumentParser
import AudioClassifier
import AudioFrontend
import Glibc
import Kernels
import Logging
import StreamTransformer
import StrictCoding

struct Classify: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify files and folders in parallel: a summary of each, or its frames or events.",
        discussion: """
            Predictions are those of a live stream that starts with the file.

            Examples:
              audio-classifierd classify dog.wav
              audio-classifierd classify recordings/ --emit events --format csv \\
                  > events.csv
              audio-classifierd classify a.flac b.ogg --emit frames --every 10
              audio-classifierd classify archive/ --output out.jsonl --journal out.journal
              find . -name '*.wav' -print0 | audio-classifierd classify --files0-from -
              audio-classifierd classify archive/ --format raven --per-file-output tables/
            """)

    @Argument(help: "Audio files, and folders that are searched for them.", completion: .file())
    var paths: [String] = []

    @Option(ProgramSettings.fileSourceName) var sourceName: String?
    @Option(ProgramSettings.emit) var emit: ReportMode?
    @Option(ProgramSettings.window) var window: Double?
    @Option(ReportSettings.every) var every: Int
    @Option(ReportSettings.format) var format: OutputFormat
    @Option(ProgramSettings.startTimeFrom) var startTimeFrom: RecordingTime?
    @Option(ProgramSettings.threads) var threads: Int?

    @OptionGroup(title: "Archive") var archive: ArchiveArguments
    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] =
        [
            ProgramSettings.fileSourceName, ProgramSettings.emit, ProgramSettings.window, ReportSettings.every,
            ReportSettings.format, ProgramSettings.startTimeFrom, ProgramSettings.threads,
        ] + ModelArguments.settings + InputSettings.all + DecisionArguments.settings + ProgramSettings.logging

    func validate() throws {
        guard !paths.isEmpty || archive.filesFrom != nil || archive.files0From != nil else {
            throw ValidationError("Name files or folders (paths), or a list of them (--files-from).")
        }
        guard (paths + archive.lists).count(where: { $0 == "-" }) <= 1
        else {
            throw ValidationError("Standard input (-) can be read once only.")
        }
        guard window == nil || emit == nil || emit == .summary else {
            throw ValidationError("--window divides a summary; leave out --emit \(emit?.rawValue ?? "").")
        }
    }

    /// The kind of records: events suit a format of labels.
    private var mode: ReportMode { emit ?? (format.isOfLabels && window == nil ? .events : .summary) }

    func run() throws {
        logging.start()
        try format.check(mode)
        let model = try modelArguments.load()
        var session = try session(model)
        let search = try archive.search(paths)
        let log = Logger(label: "audio-classifierd")
        if let warning = search.warning { log.warning("\(warning)") }
        let plan = ArchivePlan(search.found)
        if !(plan.items.isEmpty && search.failures.isEmpty) {
            for folder in search.emptyFolders { log.warning("\(folder): there is no audio file there") }
        }
        guard !plan.items.isEmpty else {
            throw search.failures.first
                ?? ClassifierError(
                    .noInput, code: "not_found",
                    paths.isEmpty
                        ? "\(archive.lists.joined(separator: ", ")): the list names no file"
                        : "\(paths.joined(separator: ", ")): there is no audio file there")
        }
        for item in plan.items { try ProgramArguments.refuseTerminal(item.name) }
        try archive.check(plan.items, decision.files, format)
        let journal = try archive.openJournal(journalSettings(model))
        let progress = JournalProgress(journal, plan.items, place: archive.place, format: format)
        let output = try output(model, session, journal)
        // No result is written yet: before this, a signal ends the program where it waits, for a list or for the reader
        // of a FIFO.
        session.input.interrupt = StopSignal.install()
        var run = ArchiveRun(
            session: session, output: output, threads: threads ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            progress: ArchiveProgress.ifTerminal(progress.remaining))
        run.streamName = sourceName
        run.time = startTimeFrom
        let summary = try run.run(progress.remaining)

        var table = ClosingTable()
        table.folders = search.failures
        table.losses = progress.losses + summary.losses
        table.total = plan.items.count
        table.finished = progress.finished + summary.finished - table.losses.count
        table.notes = notes(search, plan, progress, summary)
        table.write()
        if summary.isStopped { try stop(summary, progress, plan) }
        try exit(table, plan)
    }

    private func session(_ model: AudioModel) throws -> StreamSession {
        var report = ReportOptions(rules: try decision.rules(for: model))
        report.mode = mode
        report.topCount = decision.topK
        report.every = every
        report.window = window
        var session = StreamSession(model: model, report: report)
        session.format = format
        session.followProgram()
        session.includesErrors = true
        session.input = inputArguments.options()
        session.includesStartAndEnd = mode != .summary
        return session
    }

    private func output(
        _ model: AudioModel, _ session: StreamSession, _ journal: Journal?
    ) throws -> any ArchiveOutput {
        var layout = session.layout
        layout.includesFile = sourceName != nil
        layout.includesTime = startTimeFrom != nil
        if let place = archive.place {
            return PerFileOutput(place, layout: layout, sampleRate: model.sampleRate, journal: journal)
        }
        return try CombinedOutput(
            archive.output.map(ProgramArguments.file), layout: layout, sampleRate: model.sampleRate, journal: journal)
    }

    /// The settings that results depend on, by option.
    private func journalSettings(_ model: AudioModel) -> [String: String] {
        let configuration = model.network.configuration
        var settings = [
            "--model": "\(configuration.name) (\(configuration.weightsFile.sha256))",
            "--emit": mode.rawValue, "--every": "\(every)", "--format": format.rawValue,
            "--top-k": "\(decision.topK)", "--weights": modelArguments.weights.rawValue,
            "--pad-ms": "\(decision.padMs)", "--min-dbfs": "\(decision.minDbfs)",
            "--labels": decision.labels.rawValue,
            "--channel": InputSettings.channel.kind.show(inputArguments.channel),
            "--input-format": inputArguments.inputFormat.rawValue,
        ]
        settings["--window"] = window.map { "\($0)" }
        settings["--source-name"] = sourceName
        settings["--start-time-from"] = startTimeFrom?.rawValue
        settings["--sample-format"] = inputArguments.sampleFormat?.rawValue
        settings["--rate"] = inputArguments.rate.map { "\($0)" }
        settings["--channels"] = inputArguments.channels.map { "\($0)" }
        settings["--threshold"] = decision.threshold.map { "\($0)" }
        settings["--threshold-off"] = decision.thresholdOff.map { "\($0)" }
        settings["--min-duration-ms"] = decision.minDurationMs.map { "\($0)" }
        settings["--max-gap-ms"] = decision.maxGapMs.map { "\($0)" }
        settings["--min-rise-db"] = decision.minRiseDb.map { "\($0)" }
        settings["--refractory-ms"] = decision.refractoryMs.map { "\($0)" }
        let lists = [
            ("--class-threshold", decision.classThreshold.map { "\($0.label)=\($0.threshold)" }),
            ("--allow", decision.allow), ("--deny", decision.deny),
        ]
        for (option, values) in lists where !values.isEmpty { settings[option] = values.joined(separator: ", ") }
        return settings
    }

    private func notes(
        _ search: FileSearch, _ plan: ArchivePlan, _ progress: JournalProgress, _ summary: ArchiveRun.Summary
    ) -> [String] {
        var notes = [search.hiddenNote].compactMap { $0 }
        if plan.repeatedCount > 0 {
            let files = Quantity.text(plan.repeatedCount, "file was", "files were")
            notes.append("\(files) named again; each is done once")
        }
        if progress.finished > 0 {
            let files = Quantity.word(plan.items.count, "file")
            let were = Quantity.word(progress.finished, "was", "were")
            notes.append(
                "\(progress.finished) of \(plan.items.count) \(files) \(were) done before, as the journal notes")
        }
        if !progress.changed.isEmpty {
            notes.append(
                "\(Quantity.text(progress.changed.count, "file has", "files have")) changed since "
                    + "\(Quantity.word(progress.changed.count, "its result was", "their results were")) written "
                    + "(\(progress.changed.prefix(3).map(\.description).joined(separator: ", "))"
                    + "\(progress.changed.count > 3 ? ", ..." : "")); a new journal and output classify again")
        }
        let cut = progress.cut + summary.cut
        if cut > 0 {
            notes.append(
                "\(cut) of \(Quantity.text(plan.items.count, "recording")) \(Quantity.word(cut, "is", "are")) cut; "
                    + "\(Quantity.word(cut, "its result is", "their results are")) of what is there")
        }
        if summary.timeless > 0, let startTimeFrom {
            notes.append(
                "\(Quantity.text(summary.timeless, "file has", "files have")) no absolute times: "
                    + "--start-time-from \(startTimeFrom.rawValue) found none"
            )
        }
        return notes
    }

    /// Ends the program after a signal.
    private func stop(_ summary: ArchiveRun.Summary, _ progress: JournalProgress, _ plan: ArchivePlan) throws {
        let done = progress.finished + summary.finished
        let next =
            archive.journal == nil
            ? "with --journal FILE and --output FILE a stopped run goes on where it was"
            : "the same command goes on"
        let are = Quantity.word(plan.items.count, "file is", "files are")
        throw StopSignal.Stopped("\(done) of \(plan.items.count) \(are) done; \(next)")
    }

    /// Ends the program with the status of the failures.
    private func exit(_ table: ClosingTable, _ plan: ArchivePlan) throws {
        let failures = table.losses.filter { !$0.isSkipped }.map(\.error)
        let tried = plan.items.count - (table.losses.count - failures.count)
        if tried == 0 {
            throw ClassifierError(
                .noInput, code: "not_found",
                "no file can be classified: \(Quantity.text(table.losses.count, "file is", "files are")) skipped")
        }
        if let first = failures.first, failures.count == tried, table.folders.isEmpty {
            throw ExitCode(first.status.rawValue)
        }
        if !failures.isEmpty || !table.folders.isEmpty { throw ExitCode(ExitStatus.data.rawValue) }
    }
}
