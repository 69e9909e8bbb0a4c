import ArgumentParser
import AudioClassifier
import AudioFrontend
import Glibc
import Logging

struct Classify: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify files and folders in parallel: a summary of each, or its frames or events.",
        discussion: """
            Predictions are those of a live stream that starts with the file.

            Examples:
              audio-classifierd classify dog.wav
              audio-classifierd classify recordings/ --emit events --format csv > events.csv
              audio-classifierd classify a.flac b.ogg --emit frames --every 10
            """)

    @Argument(help: "Audio files, and folders that are searched for them.", completion: .file())
    var paths: [String]

    @Option(ProgramSettings.fileSourceName) var sourceName: String?
    @Option(ProgramSettings.emit) var emit: ReportMode
    @Option(ReportSettings.every) var every: Int
    @Option(ReportSettings.format) var format: OutputFormat
    @Option(ProgramSettings.threads) var threads: Int?

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] =
        [
            ProgramSettings.fileSourceName, ProgramSettings.emit, ReportSettings.every, ReportSettings.format,
            ProgramSettings.threads,
        ] + ModelArguments.settings + InputSettings.all + DecisionArguments.settings + ProgramSettings.logging

    func validate() throws {
        guard paths.count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("Standard input (-) can be read once only.")
        }
    }

    func run() throws {
        logging.start()
        let interrupt = StopSignal.install()
        let model = try modelArguments.load()
        var report = ReportOptions(rules: try decision.rules(for: model))
        report.mode = emit
        report.topCount = decision.topK
        report.every = every
        var session = StreamSession(model: model, report: report)
        session.format = format
        session.followProgram()
        session.input = inputArguments.options(interrupt: interrupt)
        session.includesStartAndEnd = emit != .summary
        var search = FileSearch()
        for path in paths { search.add(ProgramArguments.file(path)) }
        if let warning = search.warning { Logger(label: "audio-classifierd").warning("\(warning)") }
        guard !search.files.isEmpty else {
            throw search.failures.first
                ?? ClassifierError(
                    .noInput, code: "not_found", "\(paths.joined(separator: ", ")): there is no audio file there")
        }
        let job = ClassificationJob(
            session: session, files: search.files, streamName: sourceName,
            threads: threads ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), progress: Progress.ifTerminal("classify"))
        let failures = try job.run(OutputSink())
        (search.failures + failures).forEach(CommandFailure.report)
        if let first = failures.first, failures.count == search.files.count, search.failures.isEmpty {
            throw ExitCode(first.status.rawValue)
        }
        if !failures.isEmpty || !search.failures.isEmpty { throw ExitCode(ExitStatus.data.rawValue) }
    }
}
