package import StrictCoding

/// The form of records as JSON lines, CSV or TSV: which members or columns they have beside the usual ones.
package struct RecordLayout: Sendable {
    package var format: OutputFormat
    package var mode: ReportMode
    /// Whether a summary is divided into windows.
    package var isWindowed = false
    /// Whether the name of the file stands beside the name of the stream, which differs from it.
    package var includesFile = false
    /// Whether records have absolute times.
    package var includesTime = false
    /// Whether files that failed or were skipped have rows in a table. JSON lines always have them.
    package var includesErrors = false

    package init(_ format: OutputFormat, _ mode: ReportMode) {
        self.format = format
        self.mode = mode
    }

    /// The names of a table's columns; nil for JSON lines.
    package var header: String? { format == .jsonl ? nil : row(columns) }

    /// Returns the lines of a record. A table has rows for predictions, ended events, windows, summaries and errors.
    /// - Parameters:
    ///   - file: the name of the recording.
    ///   - startTime: the time of its first sample, in seconds since 1970.
    package func lines(_ record: Record, file: String, startTime: Double? = nil) -> [String] {
        guard format != .jsonl else { return [object(record, file: file, startTime: startTime).text] }
        let rows = rows(record)
        guard !rows.isEmpty else { return [] }
        var extra = includesFile && hasStreams ? [file] : []
        if includesTime {
            extra.append(startTime.map { CalendarTime.text($0 + (record.time ?? 0)) } ?? "")
        }
        if includesErrors { extra.append(record.errorText ?? "") }
        return rows.map { row($0 + extra) }
    }

    private var hasStreams: Bool { mode != .summary }

    private var columns: [String] {
        var columns: [String] =
            switch mode {
            case .frames, .changes: ["stream", "frame", "sample", "t", "warm", "rank", "label", "p", "dbfs"]
            case .events: ["id", "stream", "label", "t0", "t1", "p_max"]
            case .summary where isWindowed: ["file", "t0", "t1", "rank", "label", "p"]
            case .summary: ["file", "seconds", "rank", "label", "p"]
            }
        if includesFile && hasStreams { columns.append("file") }
        if includesTime { columns.append("time") }
        if includesErrors { columns.append("error") }
        return columns
    }

    private func rows(_ record: Record) -> [[String]] {
        switch record {
        case .frame(let stream, let frame, let sample, let time, let warm, let top, let level):
            let level = Decimal.text(level, 1)
            return scores(top).map {
                [stream, "\(frame)", "\(sample)", Decimal.text(time, 6), "\(warm)"] + $0 + [level]
            }
        case .event(let id, .end, let stream, let label, let start, let end, let peak):
            let end = end.map { Decimal.text($0, 6) } ?? ""
            return [[id, stream, label, Decimal.text(start, 6), end, Decimal.text(Double(peak), 4)]]
        case .summary(let file, let seconds, let top, _):
            return scores(top, orEmpty: true).map { [file, Decimal.text(seconds, 3)] + $0 }
        case .window(let file, let start, let end, let top, _):
            return scores(top, orEmpty: true).map { [file, Decimal.text(start, 6), Decimal.text(end, 6)] + $0 }
        case .error(let file, _, _), .skipped(let file, _, _):
            guard includesErrors else { return [] }
            var usual = RecordLayout(format, mode)
            usual.isWindowed = isWindowed
            return [usual.columns.map { $0 == "file" || $0 == "stream" ? file : "" }]
        case .start, .event, .gap, .failure, .end: return []
        }
    }

    /// Returns rank, label and probability of each label.
    /// - Parameter orEmpty: whether a recording or a window without a prediction has a row, too, without a label.
    private func scores(_ top: [Classification], orEmpty: Bool = false) -> [[String]] {
        if top.isEmpty && orEmpty { return [["", "", ""]] }
        return top.enumerated().map { rank, score in
            ["\(rank + 1)", score.label, Decimal.text(Double(score.probability), 4)]
        }
    }

    private func row(_ fields: [String]) -> String {
        format == .tsv ? DelimitedRow.tsv(fields) : DelimitedRow.csv(fields)
    }

    /// Returns a record as a JSON object, to which members can be added.
    package func object(_ record: Record, file: String, startTime: Double? = nil) -> JSONWriter {
        var object = record.object
        switch record {
        case .frame, .event: if includesFile { object.add("file", file) }
        default: break
        }
        if includesTime, let startTime, let time = record.time { object.add("time", startTime + time, decimals: 3) }
        return object
    }
}

extension Record {
    /// The time in the recording that an absolute time stands for; nil for records without one.
    fileprivate var time: Double? {
        switch self {
        case .start, .summary: 0
        case .frame(_, _, _, let time, _, _, _): time
        case .event(_, _, _, _, let start, _, _): start
        case .window(_, let start, _, _, _): start
        case .error, .skipped, .gap, .failure, .end: nil
        }
    }

    /// The reason why a file has no result.
    fileprivate var errorText: String? {
        switch self {
        case .error(_, let code, let message): "\(code): \(message)"
        case .skipped(_, let code, let message): "skipped: \(code): \(message)"
        default: nil
        }
    }
}
