import ArgumentParser
import AudioClassifier
import AudioFrontend

/// The options for labelled recordings: where they are, and how their labels are written.
struct LabelArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the recordings that a table names (default: the table's folder).", valueName: "folder"),
        completion: .directory)
    var audio: String?

    @Option(
        help: ArgumentHelp(
            "The text between several labels in one field of a table (default: a field is one label).",
            valueName: "text"))
    var separator: String?

    @Option(
        help: ArgumentHelp(
            "A label of the data and the model's label for it; with nothing behind the sign, a sound that the model "
                + "does not know. May be repeated.", valueName: "name=label"))
    var rename: [String] = []

    @Flag(help: "Let the model choose among the labels of the data alone, as --allow does.")
    var givenLabelsOnly = false

    func validate() throws {
        guard separator != "" else { throw ValidationError("--separator needs a text, as --separator ';'.") }
        for text in rename where text.firstIndex(of: "=").map({ $0 == text.startIndex }) ?? true {
            throw ValidationError("--rename \(text): expected NAME=LABEL.")
        }
        guard Set(renamings.map(\.0)).count == renamings.count else {
            throw ValidationError("--rename has a name twice.")
        }
    }

    private var renamings: [(String, String)] {
        rename.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    /// The model's labels by the names of the data.
    var renamed: [String: String] { Dictionary(renamings) { $1 } }

    /// Reads the labelled recordings.
    /// - Throws: ``ClassifierError`` if nothing can be used.
    func read(_ data: [String]) throws(ClassifierError) -> LabelledData {
        let folder = audio.map(ProgramArguments.file)
        if let folder, !folder.isFolder {
            throw ClassifierError(.noInput, code: "not_found", "--audio \(folder): there is no such folder")
        }
        var read = LabelledData(audio: folder, separator: separator)
        for name in data { try read.add(ProgramArguments.file(name)) }
        guard !read.recordings.isEmpty else {
            throw read.failures.first
                ?? ClassifierError(
                    .noInput, code: "not_found", "\(data.joined(separator: ", ")): there is no labelled recording")
        }
        return read
    }
}
