package import AudioClassifier
package import AudioFrontend
internal import Glibc
internal import StrictCoding

/// Labelled recordings: folders of labels, recordings with label files beside them, or a table.
package struct LabelledData: Sendable {
    /// The recordings, each once, in the order of their first label.
    package private(set) var recordings: [LabelledRecording] = []
    /// Errors of folders, tables and label files. The rest of the data can be used.
    package private(set) var failures: [ClassifierError] = []
    /// Sentences on what was left out.
    package var notes: [String] { remarks + [repeated.note].compactMap(\.self) }

    private var remarks: [String] = []
    private var repeated = RepeatedLabels()
    /// The folder of the recordings that a table names; nil for the table's own.
    private let audio: FileName?
    private let separator: String?
    /// The place in `recordings` of each name, and of each file, which may have several names.
    private var index: [FileName: Int] = [:]
    private var files: [FileIdentity: Int] = [:]

    package init(audio: FileName? = nil, separator: String? = nil) {
        self.audio = audio
        self.separator = separator
    }

    /// Reads labelled recordings of a folder or a table.
    package mutating func add(_ name: FileName) throws(ClassifierError) {
        if name.isFolder { try addFolder(name) } else { try addTable(name) }
    }

    private mutating func add(_ recording: LabelledRecording) {
        let known = place(of: recording.name)
        recordings[known].labels += recording.labels.filter { repeated.isNew($0, of: recordings[known].name) }
        recordings[known].isTimed = recordings[known].isTimed || recording.isTimed
    }

    private mutating func place(of name: FileName) -> Int {
        if let known = index[name] { return known }
        let identity = name.status.map(FileIdentity.init)
        let known = identity.flatMap { files[$0] } ?? recordings.count
        if known == recordings.count { recordings.append(LabelledRecording(name)) }
        index[name] = known
        identity.map { files[$0] = known }
        return known
    }

    // MARK: Folders

    private mutating func addFolder(_ folder: FileName) throws(ClassifierError) {
        var search = FileSearch()
        search.add(below: folder)
        failures += search.failures
        remarks += [search.hiddenNote, search.warning].compactMap { $0 }
        let found = search.found.filter { !$0.isForeign }
        guard !found.isEmpty else {
            throw search.failures.first
                ?? ClassifierError(.noInput, code: "not_found", "\(folder): there is no audio file there")
        }
        let labelFiles = found.map { LabelFile.beside($0.name) }
        if labelFiles.contains(where: { $0 != nil }) {
            addLabelFiles(zip(found.map(\.name), labelFiles), folder)
        } else {
            try addFolders(found, folder)
        }
    }

    /// Adds recordings with the labels in the files beside them.
    private mutating func addLabelFiles(_ pairs: some Sequence<(FileName, LabelFile?)>, _ folder: FileName) {
        var unlabelled: [FileName] = []
        var further: [(read: FileName, left: FileName)] = []
        var notes: [String: [FileName]] = [:]
        for (name, file) in pairs {
            guard let file else {
                unlabelled.append(name)
                continue
            }
            if let other = file.others.first { further.append((file.name, other)) }
            do throws(ClassifierError) {
                let contents = try file.read(of: name, separator: separator)
                add(LabelledRecording(name, labels: contents.labels, isTimed: true))
                for note in contents.notes { notes[note, default: []].append(file.name) }
            } catch { failures.append(error) }
        }
        for (note, files) in notes.sorted(by: { $0.key < $1.key }) {
            let more = files.count > 1 ? " (and \(Quantity.text(files.count - 1, "further file")))" : ""
            remarks.append("\(files[0])\(more): \(note)")
        }
        if let first = further.first {
            let recordings = Quantity.text(further.count, "recording has", "recordings have")
            remarks.append(
                "\(folder): \(recordings) more than one file of labels beside \(further.count == 1 ? "it" : "them"), "
                    + "and one is read (of the first, \(first.read), and not \(first.left))")
        }
        if let first = unlabelled.first {
            let recordings = Quantity.text(unlabelled.count, "recording")
            let were = Quantity.word(unlabelled.count, "was", "were")
            remarks.append(
                "\(folder): \(recordings) without a file of labels \(were) left out (the "
                    + "first is \(first)); an empty file means that nothing is to be heard")
        }
    }

    /// Adds recordings whose labels are the names of the folders that they are in.
    private mutating func addFolders(_ found: [FileSearch.Found], _ folder: FileName) throws(ClassifierError) {
        let (outside, inside) = (found.filter { $0.label == nil }, found.filter { $0.label != nil })
        guard !inside.isEmpty else {
            throw ClassifierError(
                .data, code: "labels",
                "\(folder): the recordings have no labels; put them into a folder for each label, put files of labels "
                    + "(Audacity, Raven) beside them, or name a table (CSV) of files and labels")
        }
        for file in inside { add(LabelledRecording(file.name, labels: [GivenLabel(text: file.label ?? "")])) }
        if let first = outside.first {
            let recordings = Quantity.text(outside.count, "recording")
            let were = Quantity.word(outside.count, "was", "were")
            remarks.append(
                "\(folder): \(recordings) outside the folders of labels \(were) left out (the first is "
                    + "\(first.name))")
        }
    }

    // MARK: Tables

    private mutating func addTable(_ name: FileName) throws(ClassifierError) {
        let table = try LabelTable(LabelFile.text(name), name, separator: separator)
        remarks += table.notes.map { "\(name): \($0)" }
        guard !table.rows.isEmpty else { throw LabelTable.error(name, 1, "the table has no rows below its header") }
        var known: [String: FileName] = [:]
        for row in table.rows {
            guard let file = row.file else { continue }
            let recording = known[file] ?? find(file, name)
            known[file] = recording
            add(LabelledRecording(recording, labels: row.labels, isTimed: table.isTimed))
        }
    }

    /// Returns the recording that a table names: below the folder of recordings, or the folder of the table, or else as
    /// the system finds it.
    private func find(_ file: String, _ table: FileName) -> FileName {
        guard !file.hasPrefix("/") else { return FileName(file) }
        let name = FileName(file.replacing("\\", with: "/"))
        let candidates = [audio ?? table.folder].map { $0 == "." ? name : $0.appending(name) }
        return (candidates + [name]).first { $0.exists } ?? candidates[0]
    }
}

/// Labels that were given more than once, for the same recording and the same time. They count once.
private struct RepeatedLabels: Sendable {
    private var seen: [FileName: Set<GivenLabel>] = [:]
    private var count = 0
    private var first: FileName?

    mutating func isNew(_ label: GivenLabel, of recording: FileName) -> Bool {
        if seen[recording, default: []].insert(label).inserted { return true }
        count += 1
        first = first ?? recording
        return false
    }

    var note: String? {
        first.map { "labels that are given twice count once: \(count) (the first is of \($0))" }
    }
}

extension FileSearch.Found {
    /// The folder below the searched one that the file is in; nil for a file outside such folders.
    fileprivate var label: String? {
        guard let slash = relative.bytes.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return FileName(bytes: Array(relative.bytes[..<slash])).description
    }
}

/// A file with the labels of one recording.
struct LabelFile: Sendable {
    let name: FileName
    /// Further files of labels of the same recording, which are not read.
    let others: [FileName]

    /// Endings of label files, behind the name of the recording with or without its own ending.
    private static let endings = [
        ".selections.txt", ".Table.1.selections.txt", ".audacity.txt", ".labels.txt", ".txt",
    ]

    /// Returns the file of labels beside a recording; nil if there is none.
    static func beside(_ recording: FileName) -> LabelFile? {
        let entry = recording.entry.bytes
        let dot = entry.lastIndex(of: UInt8(ascii: ".")) ?? entry.count
        let stem = FileName(bytes: recording.bytes.dropLast(entry.count - dot))
        let found = [recording, stem].flatMap { base in
            endings.map { FileName(bytes: base.bytes + Array($0.utf8)) }.filter(\.isRegularFile)
        }
        return found.first.map { LabelFile(name: $0, others: Array(found.dropFirst())) }
    }

    /// Reads Audacity's labels, or a table: Raven's, or another with the columns onset, offset and label.
    /// - Parameter recording: the recording that the labels are of.
    func read(of recording: FileName, separator: String?) throws(ClassifierError) -> (
        labels: [GivenLabel], notes: [String]
    ) {
        let text = try Self.text(name)
        let first = text.split(whereSeparator: \.isNewline).first { !$0.allSatisfy(\.isWhitespace) } ?? ""
        // Audacity's lines begin with a number, and an empty file is a track without labels.
        if first.isEmpty || first.split(separator: "\t").first.flatMap({ Double(String($0).trimmed) }) != nil {
            return (try AudacityLabels.read(text, name, separator: separator), [])
        }
        let table = try LabelTable(text, name, separator: separator, namesFiles: false)
        guard table.isTimed else {
            throw LabelTable.error(name, 1, "there are no columns onset and offset (seconds)")
        }
        if let row = table.rows.first(where: {
            $0.file.map { Self.stem(FileName($0)) != Self.stem(recording) } ?? false
        }) {
            throw LabelTable.error(
                name, row.line,
                "the label is of \(row.file ?? ""), and the file lies beside \(recording.entry); name the table "
                    + "instead of the folder")
        }
        return (table.rows.flatMap(\.labels), table.notes)
    }

    /// Returns the name of a recording without its folder and ending.
    private static func stem(_ recording: FileName) -> FileName {
        let entry = FileName(recording.description.replacing("\\", with: "/")).entry.bytes
        return FileName(bytes: Array(entry[..<(entry.lastIndex(of: UInt8(ascii: ".")) ?? entry.count)]))
    }

    /// Returns a text of a file.
    /// - Throws: ``ClassifierError`` if it cannot be read, or is not UTF-8.
    static func text(_ name: FileName) throws(ClassifierError) -> String {
        guard let bytes = name.contents else {
            throw ClassifierError(
                .noInput, code: "not_found", "\(name): cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ClassifierError(
                .data, code: "labels", "\(name): is not text in UTF-8; name a folder, or a table (CSV, TSV)")
        }
        return text
    }
}
