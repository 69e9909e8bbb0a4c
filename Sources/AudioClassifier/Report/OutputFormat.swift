internal import StrictCoding

/// Formats in which records are written.
package enum OutputFormat: String, Sendable, CaseIterable {
    case jsonl, csv, tsv

    /// Returns the first line, or `nil` if the format has none: the names of the columns.
    package func header(_ mode: ReportMode) -> String? {
        guard self != .jsonl else { return nil }
        return row(mode.columns)
    }

    /// Returns the lines of a record. A table has rows for predictions, ended events and summaries alone.
    package func lines(_ record: Record) -> [String] {
        guard self != .jsonl else { return [record.json] }
        switch record {
        case .frame(let stream, let frame, let sample, let time, let warm, let top, let level):
            return top.enumerated().map { rank, score in
                row([
                    stream, "\(frame)", "\(sample)", Decimal.text(time, 6), "\(warm)", "\(rank + 1)", score.label,
                    Decimal.text(Double(score.probability), 4), Decimal.text(level, 1),
                ])
            }
        case .event(let id, .end, let stream, let label, let start, let end, let peak):
            return [
                row([
                    id, stream, label, Decimal.text(start, 6), end.map { Decimal.text($0, 6) } ?? "",
                    Decimal.text(Double(peak), 4),
                ])
            ]
        // A recording shorter than a prediction has its row too, without a label.
        case .summary(let file, let seconds, let top) where top.isEmpty:
            return [row([file, Decimal.text(seconds, 3), "", "", ""])]
        case .summary(let file, let seconds, let top):
            return top.enumerated().map { rank, score in
                row([
                    file, Decimal.text(seconds, 3), "\(rank + 1)", score.label,
                    Decimal.text(Double(score.probability), 4),
                ])
            }
        case .start, .event, .error, .gap, .failure, .end: return []
        }
    }

    /// Returns a row by RFC 4180 for CSV; for TSV, whose fields cannot hold tabs or line ends, with spaces in their
    /// place.
    private func row(_ fields: [String]) -> String {
        switch self {
        case .tsv:
            return fields.map { Self.replacing("\t\n\r", in: $0) { _ in " " } }.joined(separator: "\t")
        case .csv, .jsonl:
            return fields.map { field in
                field.unicodeScalars.contains { ",\"\n\r".unicodeScalars.contains($0) }
                    ? "\"" + Self.replacing("\"", in: field) { "\($0)\($0)" } + "\"" : field
            }.joined(separator: ",")
        }
    }

    /// Replaces scalar by scalar, because a quote with an accent, and CR with LF, are single characters.
    private static func replacing(
        _ scalars: String, in text: String, _ replacement: (Unicode.Scalar) -> String
    ) -> String {
        text.unicodeScalars.map { scalars.unicodeScalars.contains($0) ? replacement($0) : String($0) }.joined()
    }
}
