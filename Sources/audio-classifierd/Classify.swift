import ArgumentParser
import AudioClassifier
import Glibc

struct Classify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify files and folders, in parallel: a line for each, or the frames or events of each.",
        discussion: """
            Predictions are those of a live stream that starts with the file.

            Examples:
              audio-classifierd classify dog.wav
              audio-classifierd classify recordings/ --emit events --format csv > events.csv
              audio-classifierd classify a.flac b.ogg --emit frames --every 10
            """)

    @Argument(help: "Audio files, and folders that are searched for them.")
    var paths: [String]

    @Option(help: "The stream's name in every record. (default: audio for one file, else each file's path)")
    var sourceName: String?

    @Option(help: "What to tell of each file.")
    var emit = ReportMode.summary

    @Option(help: "With --emit frames: only every so many-th.")
    var every = 1

    @Option(help: "How to write it.")
    var format = OutputFormat.jsonl

    @Option(help: "Files at a time. (default: the number of cores)")
    var threads: Int?

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    func validate() throws {
        if every < 1 { throw ValidationError("--every is at least 1.") }
        if let threads, threads < 1 { throw ValidationError("--threads is at least 1.") }
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
        let files = try paths.flatMap { path -> [String] in
            guard AudioPaths.isFolder(path) else { return [path] }
            let folder = path.hasSuffix("/") ? path : path + "/"
            return try AudioPaths.files(below: path).map { folder + $0 }
        }
        guard !files.isEmpty else {
            throw ClassifierError(
                .noInput, code: "not_found", "\(paths.joined(separator: ", ")): there is no audio file there")
        }
        let job = ClassificationJob(
            session: session, files: files, streamName: sourceName,
            threads: threads ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            progress: StandardError.isTerminal ? Progress.ifTerminal("classify") : nil)
        let failures = try job.run(OutputSink())
        failures.forEach(CommandFailure.report)
        if let first = failures.first {
            throw ExitCode((failures.count == files.count ? first.status : .data).rawValue)
        }
    }
}
