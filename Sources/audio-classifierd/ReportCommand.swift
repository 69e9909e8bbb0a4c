import ArgumentParser
import AudioClassifier
import AudioFrontend
import Logging

struct ReportCommand: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a page of recordings (spectrogram, curves, events, a player, numbers), or of an archive.",
        discussion: """
            The page is one HTML file that needs nothing else. It works on a phone and with the keyboard. The page of \
            an archive is made of the results of classify: hours by label, a calendar, the surest examples, failures.

            Examples:
              audio-classifierd report dog.wav --output dog.html
              audio-classifierd report recordings/ --model environment --output recordings.html
              audio-classifierd report night.flac --player link --output night.html
              audio-classifierd classify archive/ --start-time-from name --output results.jsonl
              audio-classifierd report --archive results.jsonl --output archive.html
              audio-classifierd report --archive results.jsonl --examples examples/ --output archive.html
            """)

    @Argument(help: "Audio files, and folders that are searched for them; results with --archive.", completion: .file())
    var paths: [String]

    @Flag(
        help: """
            The paths are results of classify in JSON lines (summaries, windows or events; - is standard input): write \
            the page of their archive. With --threshold, less sure labels do not count.
            """)
    var archive = false

    @Option(
        help: "With --archive: write reports of the surest examples' recordings into this folder, and link them.",
        completion: .directory)
    var examples: String?

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

    func validate() throws {
        guard examples == nil || archive else { throw ValidationError("--examples belongs to --archive.") }
    }

    func run() throws {
        logging.start()
        let page = ProgramArguments.file(output)
        guard !page.isStandardInput else {
            throw ClassifierError(.usage, code: "usage", "--output - : the page goes to a file; name one")
        }
        if archive { try writeArchive(page) } else { try writeRecordings(page) }
    }

    private func writeRecordings(_ page: FileName) throws {
        var search = FileSearch()
        for path in paths { search.add(ProgramArguments.file(path)) }
        if let warning = search.warning { Logger(label: "audio-classifierd").warning("\(warning)") }
        guard !search.files.isEmpty else {
            throw search.failures.first
                ?? ClassifierError(
                    .noInput, code: "not_found", "\(paths.joined(separator: ", ")): there is no audio file there")
        }
        for file in search.files { try OutputFiles.refuse(page, over: file, option: "--output") }
        try OutputFiles.checkWritable(page, option: "--output")
        let reader = try reader(page)
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
        if !recordings.isEmpty { try ReportPage.page(recordings).write(page) }
        if let first = failures.first { throw ExitCode((recordings.isEmpty ? first.status : .data).rawValue) }
    }

    private func reader(_ page: FileName) throws -> RecordingReader {
        let model = try modelArguments.load()
        return RecordingReader(
            model: model, rules: try decision.rules(for: model), options: inputArguments.options(), player: player,
            page: page)
    }

    private func writeArchive(_ page: FileName) throws {
        let sources = paths.map(ProgramArguments.file)
        for source in sources { try OutputFiles.refuse(page, over: source, option: "--output") }
        try OutputFiles.checkWritable(page, option: "--output")
        var report = ArchiveReport(sources, page: page, threshold: decision.threshold ?? 0)
        let progress = Progress.ifTerminal("report")
        defer { progress?.finish() }
        try report.read { progress?.update($0, $1) }
        let (reports, failures) = try writeExamples(report, progress)
        progress?.finish()
        try report.write(reports: reports)
        failures.forEach(CommandFailure.report)
        if let warning = report.warning { Logger(label: "audio-classifierd").warning("\(warning)") }
        if report.warning != nil || !failures.isEmpty { throw ExitCode(ExitStatus.data.rawValue) }
    }

    /// Writes a report of each example's recording.
    private func writeExamples(
        _ report: ArchiveReport, _ progress: Progress?
    ) throws -> (reports: [String: FileName], failures: [ClassifierError]) {
        guard let examples else { return ([:], []) }
        let folder = ProgramArguments.file(examples)
        try OutputFiles.makeFolder(folder)
        // Links of the reports are relative to their folder.
        let reader = try reader(folder.appending("1.html"))
        let recordings = report.examples
        var reports: [String: FileName] = [:]
        var failures: [ClassifierError] = []
        for (index, name) in recordings.enumerated() {
            let page = folder.appending(FileName("\(index + 1).html"))
            do throws(ClassifierError) {
                let recording = try reader.read(FileName(written: name)) {
                    progress?.update((Double(index) + $0) / Double(recordings.count), name)
                }
                try ReportPage.page([recording]).write(page)
                reports[name] = page
            } catch {
                failures.append(error)
            }
        }
        return (reports, failures)
    }
}

extension RecordingReader.Player: ExpressibleByArgument {}
