import ArgumentParser
import AudioClassifier
import AudioFrontend
import Glibc

struct Run: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify one live stream: predictions on standard output as the audio arrives.",
        discussion: """
            Examples:
              arecord -q -t raw -f S16_LE -r 16000 -c 1 | audio-classifierd run -
              parecord --raw --format=s16le --rate=16000 --channels=1 \\
                  | audio-classifierd run - --emit events
              ffmpeg -nostdin -loglevel error -i URL -f s16le -ar 16000 -ac 1 - \\
                  | audio-classifierd run -
              audio-classifierd run recording.flac --emit changes
            """)

    @Argument(help: "A file, or - for standard input.", completion: .file())
    var input = "-"

    @Option(ReportSettings.sourceName) var sourceName: String
    @Option(ProgramSettings.liveEmit) var emit: ReportMode?
    @Option(ReportSettings.every) var every: Int
    @Option(ReportSettings.format) var format: OutputFormat

    @Option(
        help: ArgumentHelp("Resume the stream whose state is in this file.", valueName: "file"), completion: .file())
    var stateIn: String?

    @Option(
        help: ArgumentHelp(
            "At the end, save the state of the stream to this file; open events stay open.", valueName: "file"),
        completion: .file())
    var stateOut: String?

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] =
        [ReportSettings.sourceName, ProgramSettings.liveEmit, ReportSettings.every, ReportSettings.format]
        + ModelArguments.settings + InputSettings.all + DecisionArguments.settings + ProgramSettings.logging

    func run() throws {
        logging.start()
        let file = ProgramArguments.file(input)
        try ProgramArguments.refuseTerminal(file)
        if input.contains("://"), !file.exists {
            throw ClassifierError(
                .usage, code: "usage",
                "\(input): no address is opened; pipe its audio: "
                    + "ffmpeg -nostdin -loglevel error -i \(file.shellWord) -f s16le -ar 16000 -ac 1 - "
                    + "| audio-classifierd run -")
        }
        let stateIn = try ProgramArguments.text(stateIn, of: "--state-in")
        let stateOut = try ProgramArguments.text(stateOut, of: "--state-out")
        if let stateOut {
            for input in [file] + decision.files {
                try OutputFiles.refuse(FileName(stateOut), over: input, option: "--state-out")
            }
            try OutputFiles.checkWritable(FileName(stateOut), option: "--state-out")
        }
        let mode = emit ?? (format.isOfLabels ? .events : .frames)
        try format.check(mode)
        let interrupt = StopSignal.install()
        let model = try modelArguments.load()
        var report = ReportOptions(rules: try decision.rules(for: model))
        report.mode = mode
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
        try session.run(file, stream: sourceName) { try output.write($0) }
    }
}
