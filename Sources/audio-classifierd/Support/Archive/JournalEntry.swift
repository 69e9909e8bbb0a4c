internal import FoundationEssentials
internal import StrictCoding

/// A file that a run has finished, as its journal notes it.
package struct JournalEntry: Sendable, Equatable, Codable {
    package enum State: String, Sendable, Codable { case done, failed, skipped }

    /// ``ArchiveItem/key`` of the file.
    package let file: String
    package let state: State
    /// Bytes of the recording, and nanoseconds of its last change since 1970.
    package let size: Int
    package let changed: Int
    /// Duration of the audio that was classified.
    package let seconds: Double
    /// Rows or cues of the output up to this result.
    package let rows: Int
    /// Bytes of the output up to the end of this result; of the result alone where each recording has a file.
    package let end: Int
    /// The reason of a failure or of a skipped file; ``cut`` for a result of a recording that is cut.
    package var code: String?
    package var message: String?

    /// The code of a recording whose end is missing.
    static let cut = "cut"

    /// The entry as a line of JSON.
    var json: String {
        var line = JSONWriter(type: "result")
        line.add("file", file)
        line.add("state", state.rawValue)
        line.add("size", size)
        line.add("changed", changed)
        line.add("seconds", seconds)
        line.add("rows", rows)
        line.add("end", end)
        if let code { line.add("code", code) }
        if let message { line.add("message", message) }
        return line.text
    }

    /// Bytes and rows that a journal can note, whose sums do not overflow.
    static let counts = 0..<1 << 53

    /// Reads an entry; nil if the line is damaged.
    init?(line: ArraySlice<UInt8>) {
        guard let entry = try? JSONDecoder().decode(JournalEntry.self, from: Data(line)),
            [entry.size, entry.rows, entry.end].allSatisfy(Self.counts.contains), (0..<1e12).contains(entry.seconds)
        else { return nil }
        self = entry
    }

    package init(
        file: String, state: State, size: Int, changed: Int, seconds: Double, rows: Int, end: Int,
        code: String? = nil, message: String? = nil
    ) {
        self.file = file
        self.state = state
        self.size = size
        self.changed = changed
        self.seconds = seconds
        self.rows = rows
        self.end = end
        self.code = code
        self.message = message
    }
}

/// The first line of a journal: what the results depend on.
struct JournalHeader {
    static let version = 1

    /// Names and values, as the options have them.
    let settings: [String: String]
    /// Bytes that the output had before the first run.
    let base: Int

    var json: String {
        var line = JSONWriter(type: "journal")
        line.add("base", base)
        line.add(
            "settings",
            object: { object in
                for (name, value) in settings.sorted(by: { $0.key < $1.key }) { object.add(name, value) }
            })
        return line.text
    }

    /// The first setting of another value, as a sentence's part; nil if there is none.
    func difference(to present: JournalHeader) -> String? {
        for name in Set(settings.keys).union(present.settings.keys).sorted() {
            let (before, now) = (settings[name], present.settings[name])
            if before != now {
                return "it was begun with \(name) \(before ?? "unset"), and this run has \(now ?? "none")"
            }
        }
        return nil
    }
}
