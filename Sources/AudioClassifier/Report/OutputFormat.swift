internal import StrictCoding

/// How records are written.
public enum OutputFormat: String, Sendable, CaseIterable {
    case jsonl, csv, tsv

    /// The first line, where the format has one: the columns of what is emitted.
    package func header(_ emission: Emission) -> String? {
        guard self != .jsonl else { return nil }
        return row(emission.columns)
    }

    /// The lines of a record; tables leave out what is not theirs.
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

    /// RFC 4180 for CSV; tabs for TSV, whose fields cannot hold any.
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

    /// Scalar by scalar, since a quote with an accent and CR with LF are characters of their own.
    private static func replacing(
        _ scalars: String, in text: String, _ replacement: (Unicode.Scalar) -> String
    ) -> String {
        text.unicodeScalars.map { scalars.unicodeScalars.contains($0) ? replacement($0) : String($0) }.joined()
    }
}

/// What is told of a stream.
public enum Emission: String, Sendable, CaseIterable {
    /// Every prediction.
    case frames
    /// A prediction whenever its first label is another one.
    case changes
    /// Sounds with beginning and end.
    case events
    /// One line for the whole input.
    case summary

    var columns: [String] {
        switch self {
        case .frames, .changes: ["stream", "frame", "sample", "t", "warm", "rank", "label", "p", "dbfs"]
        case .events: ["id", "stream", "label", "t0", "t1", "p_max"]
        case .summary: ["file", "seconds", "rank", "label", "p"]
        }
    }
}
