package import AudioClassifier
package import AudioFrontend
internal import StrictCoding

/// A table of labelled recordings as text: CSV, TSV, or a selection table of Raven.
///
/// The first row names the columns, in any order: the recording, the label, and perhaps the beginning and the end of
/// the labelled part in seconds. Without such a row the columns are filename, label, onset, offset.
package struct LabelTable: Sendable {
    /// A row of the table.
    package struct Row: Sendable, Equatable {
        /// Number of the line in the file, from 1.
        package let line: Int
        /// The recording as the table names it; nil if the table is about one recording.
        package let file: String?
        /// Empty for a recording without labels.
        package let labels: [GivenLabel]

        package init(line: Int, file: String?, labels: [GivenLabel]) {
            self.line = line
            self.file = file
            self.labels = labels
        }
    }

    package private(set) var rows: [Row] = []
    /// Whether the labels have times.
    package private(set) var isTimed = false
    /// Sentences on columns of one meaning, of which one is read.
    package private(set) var notes: [String] = []
    private let name: FileName
    private let separator: String?

    private static let fileColumns = [
        "filename", "file", "file name", "path", "filepath", "file path", "audio", "recording", "wav", "fname",
        "begin path", "begin file", "in file",
    ]
    private static let labelColumns = [
        "label", "labels", "category", "class", "event_label", "event label", "annotation", "species", "tag", "tags",
        "manual id", "call type", "word",
    ]
    private static let onsetColumns = ["onset", "start", "begin", "start_time", "begin time (s)", "t0", "start (s)"]
    private static let offsetColumns = ["offset", "end", "stop", "end_time", "end time (s)", "t1", "end (s)"]

    private struct Columns {
        var file: Int?
        var label: Int?
        var onset: Int?
        var offset: Int?
        /// Raven: time of the beginning in its file, where times are those of several files in a row.
        var fileOffset: Int?
        var selection: Int?
        var view: Int?
        /// A reason why a row has no label.
        var error: Int?
        var count = 0
    }

    /// - Parameters:
    ///   - name: the file, for messages.
    ///   - separator: text between several labels in one field; nil if a field is one label.
    ///   - namesFiles: whether each row names a recording.
    /// - Throws: ``ClassifierError`` `data` with the line.
    package init(
        _ text: String, _ name: FileName, separator: String? = nil, namesFiles: Bool = true
    ) throws(ClassifierError) {
        self.name = name
        self.separator = separator
        let lines = try Self.fields(text, name)
        guard let first = lines.first(where: { !$0.isBlank }) else {
            throw Self.error(name, 1, "the table is empty; expected a row of column names: filename,label")
        }
        let header = columns(first.fields)
        let columns: Columns
        if header.label != nil, header.file != nil || !namesFiles {
            columns = header
        } else if namesFiles, first.fields.count >= 2, FileSearch.isAudio(FileName(first.fields[0])) {
            let isTimed = first.fields.count >= 4
            columns = Columns(
                file: 0, label: 1, onset: isTimed ? 2 : nil, offset: isTimed ? 3 : nil, count: first.fields.count)
        } else {
            let found = "the columns are \(first.fields.map(JSONWriter.quoted).joined(separator: ", "))"
            throw Self.error(
                name, first.line,
                namesFiles
                    ? "\(found); expected filename and label, and onset and offset (seconds) for labels with times"
                    : "\(found), so this is no file of labels; expected lines of Audacity (beginning, end and label, "
                        + "with tabs between), or a table with the columns onset, offset (seconds) and label; "
                        + "give a note beside a recording another name")
        }
        guard (columns.onset == nil) == (columns.offset == nil) else {
            let missing = columns.onset == nil ? "onset" : "offset"
            throw Self.error(name, first.line, "there is no column \(missing); times need both onset and offset")
        }
        isTimed = columns.onset != nil
        let isHeader = header.label != nil && (header.file != nil || !namesFiles)
        if isHeader, let twice = Self.repeatedColumn(first.fields) {
            throw Self.error(
                name, first.line, "two columns are named \(JSONWriter.quoted(twice)); name one of them otherwise")
        }
        if isHeader { notes = Self.doubledColumns(first.fields, isRaven: columns.selection != nil) }
        var seen: Set<String> = []
        for line in lines where !line.isBlank && !(isHeader && line.line == first.line) {
            if let row = try row(line, columns, &seen) { rows.append(row) }
        }
    }

    /// Returns a name that the table reads and that two columns have.
    private static func repeatedColumn(_ fields: [String]) -> String? {
        let known = fileColumns + labelColumns + onsetColumns + offsetColumns
        let names = fields.map { $0.lowercased().trimmed }
        return known.first { name in names.filter { $0 == name }.count > 1 }
    }

    /// Returns a sentence for each meaning that several columns have.
    private static func doubledColumns(_ fields: [String], isRaven: Bool) -> [String] {
        let names = fields.map { $0.lowercased().trimmed }
        // Raven writes several names of the file.
        let meanings = [isRaven ? [] : fileColumns, labelColumns, onsetColumns, offsetColumns]
        return meanings.compactMap { known in
            let found = known.filter(names.contains).map(JSONWriter.quoted)
            guard found.count > 1 else { return nil }
            return "the column \(found[0]) is read, and not \(found.dropFirst().joined(separator: ", ")), which means "
                + "the same; rename one to choose otherwise"
        }
    }

    private func columns(_ fields: [String]) -> Columns {
        let names = fields.map { $0.lowercased().trimmed }
        func first(_ known: [String]) -> Int? { known.lazy.compactMap { names.firstIndex(of: $0) }.first }
        return Columns(
            file: first(Self.fileColumns), label: first(Self.labelColumns), onset: first(Self.onsetColumns),
            offset: first(Self.offsetColumns), fileOffset: first(["file offset (s)"]), selection: first(["selection"]),
            view: first(["view"]), error: first(["error"]), count: fields.count)
    }

    /// - Parameter seen: selections of Raven that have been read; it saves each once for each of its views.
    private func row(_ line: Line, _ columns: Columns, _ seen: inout Set<String>) throws(ClassifierError) -> Row? {
        func field(_ column: Int?) -> String {
            column.map { $0 < line.fields.count ? line.fields[$0].trimmed : "" } ?? ""
        }
        func error(_ message: String) -> ClassifierError { Self.error(name, line.line, message) }
        guard line.fields.count <= max(columns.count, 1) else {
            throw error(
                "\(line.fields.count) fields, and there are \(columns.count) columns; a field with the separator in it "
                    + "must be in quotes")
        }
        guard field(columns.error).isEmpty else { return nil }
        let file = columns.file.map { _ in field(columns.file) }
        if let file, file.isEmpty { throw error("there is no name of a recording") }
        let texts = separator.map { field(columns.label).split(separator: $0).map { String($0).trimmed } }
        let labels = (texts ?? [field(columns.label)]).filter { !$0.isEmpty }
        guard isTimed else { return Row(line: line.line, file: file, labels: labels.map { GivenLabel(text: $0) }) }
        let (onset, offset) = (field(columns.onset), field(columns.offset))
        // A recording in which nothing is labelled, or a label of the whole recording.
        if onset.isEmpty && offset.isEmpty {
            return Row(line: line.line, file: file, labels: labels.map { GivenLabel(text: $0) })
        }
        var range = try Self.range(onset, offset, name, line.line)
        if columns.selection != nil {
            let selection = [field(columns.selection), file ?? "", onset, offset, field(columns.label)]
            guard seen.insert(selection.joined(separator: "\t")).inserted else { return nil }
        }
        if columns.file != nil, let begin = Self.number(field(columns.fileOffset)) {
            let end = begin + (range.upperBound - range.lowerBound)
            guard (0..<Self.longest).contains(begin), end < Self.longest else {
                throw error("\"\(field(columns.fileOffset))\" is no time; expected File Offset (s), 0 or more seconds")
            }
            range = begin...end
        }
        return Row(line: line.line, file: file, labels: labels.map { GivenLabel(text: $0, range: range) })
    }

    /// Returns the time of a label.
    static func range(
        _ onset: String, _ offset: String, _ name: FileName, _ line: Int
    ) throws(ClassifierError) -> ClosedRange<Double> {
        guard let begin = number(onset), let end = number(offset), (0..<longest).contains(begin), end < longest,
            begin <= end
        else {
            throw error(
                name, line,
                "\"\(onset)\" to \"\(offset)\" is no time; expected onset and offset in seconds, 0 <= onset "
                    + "<= offset")
        }
        return begin...end
    }

    /// Returns a decimal number. Swift also reads hexadecimal ones, which no table has.
    private static func number(_ text: String) -> Double? {
        text.lowercased().contains("x") ? nil : Double(text)
    }

    /// Longest time of a label in seconds: thirty years.
    private static let longest = 1e9

    static func error(_ name: FileName, _ line: Int, _ message: String) -> ClassifierError {
        ClassifierError(.data, code: "labels", "\(name):\(line): \(message)")
    }
}

// MARK: Fields

extension LabelTable {
    private struct Line {
        let line: Int
        let fields: [String]
        var isBlank: Bool { fields.allSatisfy { $0.trimmed.isEmpty } }
    }

    /// Splits a text by RFC 4180. The first line decides between tabs, semicolons and commas.
    private static func fields(_ text: String, _ name: FileName) throws(ClassifierError) -> [Line] {
        let scalars = Array(text.unicodeScalars).drop { $0.value == 0xFEFF }
        let first = scalars.prefix { $0 != "\n" }
        let separator: Unicode.Scalar =
            first.contains("\t") ? "\t" : first.contains(";") && !first.contains(",") ? ";" : ","
        var lines: [Line] = []
        var (fields, field): ([String], String.UnicodeScalarView) = ([], .init())
        var (line, begun) = (1, 1)
        var (isQuoted, isBegin) = (false, true)
        var index = scalars.startIndex
        func end() {
            fields.append(String(field))
            field = .init()
            isBegin = true
        }
        while index < scalars.endIndex {
            let scalar = scalars[index]
            index += 1
            if scalar == "\n" { line += 1 }
            guard scalar.value != 0 else {
                throw error(name, line, "there is a zero byte, which text never has; save the table as UTF-8 text")
            }
            if isQuoted {
                guard scalar == "\"" else {
                    field.append(scalar)
                    continue
                }
                if index < scalars.endIndex, scalars[index] == "\"" {
                    field.append(scalar)
                    index += 1
                } else {
                    isQuoted = false
                }
                continue
            }
            switch scalar {
            // A tab-separated table has no quotes.
            case "\"" where isBegin && separator != "\t":
                (isQuoted, isBegin) = (true, false)
            case separator: end()
            case "\n":
                end()
                lines.append(Line(line: begun, fields: fields))
                (fields, begun) = ([], line)
            case "\r" where index < scalars.endIndex && scalars[index] == "\n": break
            default:
                field.append(scalar)
                isBegin = false
            }
        }
        guard !isQuoted else { throw error(name, begun, "a quote (\") is not closed; double quotes inside a field") }
        if !isBegin || !fields.isEmpty {
            end()
            lines.append(Line(line: begun, fields: fields))
        }
        return lines
    }
}

extension String {
    /// The text without white space at its ends.
    var trimmed: String {
        var text = unicodeScalars[...]
        while text.last?.properties.isWhitespace == true { text.removeLast() }
        return String(text.drop { $0.properties.isWhitespace })
    }
}
