import ArgumentParser
import AudioClassifier
import Glibc

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify one live stream: predictions on standard output as the audio arrives.",
        discussion: """
            Examples:
              arecord -q -t raw -f S16_LE -r 16000 -c 1 | audio-classifierd run -
              parecord --raw --format=s16le --rate=16000 --channels=1 | audio-classifierd run - --emit events
              ffmpeg -nostdin -loglevel error -i URL -f s16le -ar 16000 -ac 1 - | audio-classifierd run -
              audio-classifierd run recording.flac --emit changes
            """)

    @Argument(help: "A file, or - for standard input.")
    var input = "-"

    @Option(help: "The stream's name in every record.")
    var sourceName = "audio"

    @Option(help: "What to tell: every frame, changes of the first label, events, or one summary at the end.")
    var emit = ReportMode.frames

    @Option(help: "With --emit frames: only every so many-th.")
    var every = 1

    @Option(help: "How to write it.")
    var format = OutputFormat.jsonl

    @Option(help: ArgumentHelp("Resume the stream whose state is in this file.", valueName: "file"))
    var stateIn: String?

    @Option(
        help: ArgumentHelp("At the end, suspend the stream to this file: its open events stay open.", valueName: "file")
    )
    var stateOut: String?

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    func validate() throws {
        if every < 1 { throw ValidationError("--every is at least 1.") }
    }

    func run() throws {
        logging.start()
        guard input != "-" || isatty(STDIN_FILENO) == 0 else {
            throw ClassifierError(
                .usage, code: "usage",
                "standard input is a terminal: pipe audio into it (arecord -q -t raw -f S16_LE -r 16000 -c 1 | audio-classifierd run -) or name a file"
            )
        }
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
        session.stateIn = stateIn
        session.stateOut = stateOut
        let output = OutputSink()
        try output.write(session.header)
        try session.run(input, stream: sourceName) { try output.write($0) }
    }
}
