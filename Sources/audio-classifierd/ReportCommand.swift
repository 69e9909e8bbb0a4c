import ArgumentParser
import AudioClassifier
import AudioFrontend
import Logging

struct ReportCommand: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a page of recordings: spectrogram, curves, events, a player, numbers.",
        discussion: """
            The page is one HTML file that needs nothing else. It works on a phone and with the keyboard.

            Examples:
              audio-classifierd report dog.wav --output dog.html
              audio-classifierd report recordings/ --model environment --output recordings.html
              audio-classifierd report night.flac --player link --output night.html
            """)

    @Argument(help: "Audio files, and folders that are searched for them.", completion: .file())
    var paths: [String]

    @Option(help: "The HTML file to write.", completion: .file(extensions: ["html"]))
    var output: String

    @Option(
        help: """
            Put the audio into the page (embed; as the model hears it, at most \(RecordingReader.longestEmbedded / 60) \
            minutes, longer recordings are linked), link the recordings' files, or have no player (none).
            """)
    var player = RecordingReader.Player.embed

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] =
        ModelArguments.settings + InputSettings.all + DecisionArguments.settings + ProgramSettings.logging

    func run() throws {
        logging.start()
        let page = ProgramArguments.file(output)
        var search = FileSearch()
        for path in paths { search.add(ProgramArguments.file(path)) }
        if let warning = search.warning { Logger(label: "audio-classifierd").warning("\(warning)") }
        guard !search.files.isEmpty else {
            throw search.failures.first
                ?? ClassifierError(
                    .noInput, code: "not_found", "\(paths.joined(separator: ", ")): there is no audio file there")
        }
        guard !page.isStandardInput else {
            throw ClassifierError(.usage, code: "usage", "--output - : the page goes to a file; name one")
        }
        for file in search.files { try OutputFiles.refuse(page, over: file, option: "--output") }
        try OutputFiles.checkWritable(page, option: "--output")
        let model = try modelArguments.load()
        let reader = RecordingReader(
            model: model, rules: try decision.rules(for: model), options: inputArguments.options(), player: player,
            page: page)
        let progress = Progress.ifTerminal("report")
        var recordings: [RecordingReport] = []
        var failures = search.failures
        for (index, file) in search.files.enumerated() {
            do throws(ClassifierError) {
                recordings.append(
                    try reader.read(file) { part in
                        progress?.update((Double(index) + part) / Double(search.files.count), file.description)
                    })
            } catch {
                failures.append(error)
            }
        }
        progress?.finish()
        failures.forEach(CommandFailure.report)
        if !recordings.isEmpty { try ReportPage(recordings).write(page) }
        if let first = failures.first { throw ExitCode((recordings.isEmpty ? first.status : .data).rawValue) }
    }
}

extension RecordingReader.Player: ExpressibleByArgument {}
