import ArgumentParser
import AudioClassifier
import AudioFrontend
import Glibc

/// The options for archives: which files are classified, and where the results go.
struct ArchiveArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("Also classify the files of this list, one a line; - is standard input.", valueName: "list"),
        completion: .file())
    var filesFrom: String?

    @Option(
        help: ArgumentHelp(
            "The same for a list with zero bytes between the names, as find -print0 writes it.", valueName: "list"),
        completion: .file())
    var files0From: String?

    @Flag(help: "Search folders that links in a folder lead to, each once.")
    var followLinks = false

    @Flag(help: "Also take files and folders whose names begin with a dot.")
    var hidden = false

    @Option(
        help: ArgumentHelp("Write the results to this file instead of standard output.", valueName: "file"),
        completion: .file())
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Write a file of results for each recording, in a tree below this folder that mirrors the searched one.",
            valueName: "folder"),
        completion: .directory)
    var perFileOutput: String?

    @Flag(help: "Write a file of results for each recording, beside it.")
    var beside = false

    @Option(
        help: ArgumentHelp(
            "Note finished files in this file, and leave out those that an earlier run has noted.", valueName: "file"),
        completion: .file())
    var journal: String?

    func validate() throws {
        let destinations = [output != nil, perFileOutput != nil, beside].count { $0 }
        guard destinations <= 1 else {
            throw ValidationError("--output, --per-file-output and --beside exclude each other.")
        }
        guard [filesFrom, files0From].count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("Standard input (-) can be read once only.")
        }
    }

    /// The place of per-file results; nil for one output.
    var place: PerFileOutput.Place? {
        beside ? .besideRecordings : perFileOutput.map { .folder(ProgramArguments.file($0)) }
    }

    /// The lists of files.
    var lists: [String] { [filesFrom, files0From].compactMap { $0 } }

    /// Finds the files that the arguments and lists name.
    func search(_ paths: [String]) throws -> FileSearch {
        var search = FileSearch(followsLinks: followLinks, includesHidden: hidden)
        for path in paths { ProgramArguments.files(path).forEach { search.add($0) } }
        if let filesFrom {
            try FileList.read(ProgramArguments.file(filesFrom), .line).forEach { search.add($0) }
        }
        if let files0From {
            try FileList.read(ProgramArguments.file(files0From), .zero).forEach { search.add($0) }
        }
        return search
    }

    /// - Parameter settings: files that other options read.
    /// - Throws: ``ClassifierError`` if an output would overwrite an input or another output.
    func check(_ items: [ArchiveItem], _ settings: [FileName], _ format: OutputFormat) throws(ClassifierError) {
        let journal = journal.map(ProgramArguments.file)
        let output = output.map(ProgramArguments.file)
        for input in items.map(\.name) + lists.map(ProgramArguments.file) + settings {
            if let output { try OutputFiles.refuse(output, over: input, option: "--output") }
            if let journal { try OutputFiles.refuse(journal, over: input, option: "--journal") }
        }
        try OutputFiles.refuseRepeated([("--output", output), ("--journal", journal)])
        if let journal, output == nil, place == nil, journal.isStandardOutput {
            throw ClassifierError(
                .usage, code: "usage", "--journal \(journal) is the file of standard output, too; name another file")
        }
        if let output, output.isFolder {
            throw ClassifierError(
                .usage, code: "usage",
                "--output \(output): is a folder; --per-file-output \(output) writes a file for each recording into it")
        }
        if let place { try PerFileOutput.check(items, place, format) }
        guard place == nil, format.isOfOneRecording, items.count > 1 else { return }
        throw ClassifierError(
            .usage, code: "usage",
            "the format \(format.rawValue) describes one recording and these are \(items.count) files; add "
                + "--per-file-output FOLDER or --beside")
    }

    /// Opens the journal.
    /// - Parameter settings: the settings that results depend on.
    func openJournal(_ settings: [String: String]) throws(ClassifierError) -> Journal? {
        guard let journal else { return nil }
        var settings = settings
        settings["program"] = Version.text
        settings["output"] =
            switch place {
            case nil: output.map { Self.absolute(ProgramArguments.file($0)) } ?? "standard output"
            case .besideRecordings: "beside"
            case .folder(let folder): Self.absolute(folder)
            }
        let base = output == nil && place == nil ? CombinedOutput.standardOutputSize : 0
        guard let base else {
            throw ClassifierError(
                .usage, code: "usage",
                "--journal needs results that can be found again: --output FILE, --per-file-output FOLDER, --beside, "
                    + "or standard output into a file (>> FILE)")
        }
        let size = place == nil ? output.map { Int(ProgramArguments.file($0).status?.st_size ?? 0) } ?? base : nil
        // A new journal would begin the file again: with a mistyped name the results of an archive would be gone.
        if let output, let size, size > 0, !ProgramArguments.file(journal).exists {
            throw ClassifierError(
                .data, code: "journal",
                "\(output): has results of which --journal \(journal) knows nothing; name the journal of that run, or "
                    + "remove the file to classify all files again")
        }
        return try Journal(ProgramArguments.file(journal), settings: settings, base: base, size: size)
    }

    private static func absolute(_ file: FileName) -> String {
        guard file.bytes.first != UInt8(ascii: "/"), let here = unsafe getcwd(nil, 0) else { return file.description }
        defer { unsafe free(here) }
        return FileName(unsafe String(cString: here)).appending(file).description
    }
}
