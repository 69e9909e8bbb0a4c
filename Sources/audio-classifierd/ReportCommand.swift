import ArgumentParser
import AudioClassifier
import AudioFrontend
import Logging

struct ReportCommand: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a page or a picture of recordings (spectrogram, curves, events), or a page of an archive.",
        discussion: """
            The page is one HTML file that needs nothing else. It works on a phone and with the keyboard. The page of \
            an archive is made of the results of classify: hours by label, a calendar, the surest examples, failures.

            Examples:
              audio-classifierd report dog.wav --output dog.html
              audio-classifierd report recordings/ --model environment \\
                  --output recordings.html
              audio-classifierd report night.flac --player link --output night.html
              audio-classifierd report dog.wav --png dog.png --size 1600x900
              audio-classifierd classify archive/ --start-time-from name \\
                  --output results.jsonl
              audio-classifierd report --archive results.jsonl --output archive.html
              audio-classifierd report --archive results.jsonl --examples examples/ \\
                  --output archive.html
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
    var output: String?

    @Option(help: "Draw one recording into this PNG file.", completion: .file(extensions: ["png"]))
    var png: String?

    @Option(help: "Draw one recording into this SVG file.", completion: .file(extensions: ["svg"]))
    var svg: String?

    @Option(
        help: """
            Width and height of the picture in pixels (WIDTHxHEIGHT, each \(PictureSize.range.lowerBound) to \
            \(PictureSize.range.upperBound)).
            """)
    var size = PictureSize(width: 1200, height: 700)

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
        let hasPicture = png != nil || svg != nil
        guard output != nil || hasPicture else {
            throw ValidationError("Name the file to write: --output X.html, --png X.png or --svg X.svg.")
        }
        guard !archive || !hasPicture else { throw ValidationError("--archive makes a page: name it with --output.") }
    }

    func run() throws {
        logging.start()
        let outputs = [("--output", output), ("--png", png), ("--svg", svg)].compactMap { option, name in
            name.map { (option, ProgramArguments.file($0)) }
        }
        for (option, file) in outputs {
            guard !file.isStandardInput else {
                throw ClassifierError(.usage, code: "usage", "\(option) - : it goes to a file; name one")
            }
            // The other options have the names of their kinds.
            let kind = option == "--output" ? "html" : String(option.dropFirst(2))
            try OutputFiles.check(file, option: option, kind: kind)
        }
        if png != nil || svg != nil { try PictureText.check() }
        if archive, let output { try writeArchive(ProgramArguments.file(output)) } else { try writeRecordings(outputs) }
    }

    private func writeRecordings(_ outputs: [(option: String, file: FileName)]) throws {
        var search = FileSearch()
        for path in paths { ProgramArguments.files(path).forEach { search.add($0) } }
        if let warning = search.warning { Logger(label: "audio-classifierd").warning("\(warning)") }
        guard !search.files.isEmpty else {
            throw search.failures.first
                ?? ClassifierError(
                    .noInput, code: "not_found", "\(paths.joined(separator: ", ")): there is no audio file there")
        }
        for file in search.files { try ProgramArguments.refuseTerminal(file) }
        for (option, output) in outputs {
            for file in search.files + decision.files { try OutputFiles.refuse(output, over: file, option: option) }
        }
        guard png == nil && svg == nil || search.files.count == 1 else {
            throw ClassifierError(
                .usage, code: "usage", "a picture shows one recording, and \(search.files.count) are named")
        }
        if let results = search.files.first(where: { $0.entry.description.hasSuffix(".jsonl") }) {
            throw ClassifierError(
                .usage, code: "usage", "\(results): results of classify are no audio; --archive makes their page")
        }
        let reader = try reader(outputs[0].file)
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
            try StopSignal.check("\(outputs[0].file) was not written")
        }
        progress?.finish()
        failures.forEach(CommandFailure.report)
        if let output, !recordings.isEmpty {
            let skipped = search.found.compactMap(\.skip).map { ClassifierError(.data, code: $0.code, $0.message) }
            try ReportPage.page(recordings, failures: failures + skipped).write(ProgramArguments.file(output))
        }
        if let recording = recordings.first { try draw(recording) }
        if let first = failures.first { throw ExitCode((recordings.isEmpty ? first.status : .data).rawValue) }
    }

    private func draw(_ recording: RecordingReport) throws {
        let picture = RecordingPicture(recording, width: size.width, height: size.height)
        if let png {
            var canvas = try CairoCanvas(width: size.width, height: size.height)
            try picture.draw(on: &canvas)
            try WholeFile.write(try canvas.png(), ProgramArguments.file(png))
        }
        if let svg {
            var canvas = SVGCanvas(width: size.width, height: size.height)
            try picture.draw(on: &canvas)
            try WholeFile.write(Array(canvas.text.utf8), ProgramArguments.file(svg))
        }
    }

    private func reader(_ page: FileName) throws -> RecordingReader {
        let model = try modelArguments.load()
        return RecordingReader(
            model: model, rules: try decision.rules(for: model),
            options: inputArguments.options(interrupt: StopSignal.install()), player: player, page: page)
    }

    private func writeArchive(_ page: FileName) throws {
        let sources = paths.map(ProgramArguments.file)
        for source in sources + decision.files { try OutputFiles.refuse(page, over: source, option: "--output") }
        var report = ArchiveReport(sources, page: page, threshold: decision.threshold ?? 0)
        let progress = Progress.ifTerminal("report")
        defer { progress?.finish() }
        try report.read { progress?.update($0, $1) }
        let (reports, failures) = try writeExamples(report, progress)
        progress?.finish()
        try report.write(reports: reports)
        failures.forEach(CommandFailure.report)
        if let missing = report.missing { Logger(label: "audio-classifierd").warning("\(missing)") }
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
        for (index, (name, file)) in recordings.enumerated() {
            let page = folder.appending(FileName("\(index + 1).html"))
            do throws(ClassifierError) {
                let recording = try reader.read(file) {
                    progress?.update((Double(index) + $0) / Double(recordings.count), name)
                }
                try ReportPage.page([recording]).write(page)
                reports[name] = page
            } catch {
                failures.append(error)
            }
            try StopSignal.check("the page of the archive was not written")
        }
        return (reports, failures)
    }
}

extension RecordingReader.Player: ExpressibleByArgument {}

extension PictureSize: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }

    var defaultValueDescription: String { description }
}
