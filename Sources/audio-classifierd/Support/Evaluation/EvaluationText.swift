internal import AudioClassifier
internal import StrictCoding

extension EvaluationReport {
    /// The tables for a reader, as lines.
    package var lines: [String] {
        [summary, perClass, timedPerClass, confusionTable, calibration, labelErrors, chosen, failed]
            .filter { !$0.isEmpty }.joined(separator: [""]).map { $0 }
    }

    private var summary: [String] {
        var rows = [
            ["model", model],
            [
                "recordings",
                "\(evaluation.recordings.count), \(Self.hours(evaluation.seconds)) h, "
                    + Quantity.text(evaluation.givenLabels.count, "label"),
            ],
            ["accuracy", "\(Self.percent(firstLabel.accuracy)) (\(firstLabel.right) of \(firstLabel.recordings))"],
        ]
        if exactCount != firstLabel.right || firstLabel.related != firstLabel.right {
            rows.append([
                "  exact, related",
                "\(exactCount) name the given label itself, \(firstLabel.right) it or one below it, "
                    + "\(firstLabel.related) also one above it",
            ])
        }
        let total = counts.total
        let by = evaluation.isSingle ? "by the first label" : "by the labels' thresholds"
        rows.append([
            "precision, recall, F1",
            [total.precision, total.recall, total.f1].map(Self.number).joined(separator: ", ") + " (\(by))",
        ])
        let defined = shown.count - withoutRecordings.count
        rows.append([
            "mean average precision", "\(Self.number(meanAveragePrecision)) over \(Quantity.text(defined, "label"))",
        ])
        if !withoutRecordings.isEmpty {
            let names = withoutRecordings.prefix(5).map { evaluation.labels[$0] }.joined(separator: ", ")
            rows.append([
                "  undefined for",
                "\(Quantity.text(withoutRecordings.count, "label")) without a recording: \(names)"
                    + (withoutRecordings.count > 5 ? ", ..." : ""),
            ])
        }
        if evaluation.isTimed {
            let events = evaluation.eventComparison
            let collar = "within \(Decimal.text(events.collar * 1000, 3)) ms\(events.isOnsetOnly ? ", onset only" : "")"
            rows.append(["event-based F1", "\(Self.number(eventCounts.total.strictF1)) (\(collar))"])
            let length = Decimal.text(evaluation.segmentComparison.length, 3)
            rows.append(["segment-based F1", "\(Self.number(segmentCounts.total.strictF1)) (segments of \(length) s)"])
            rows.append(["delay", Self.text(evaluation.delays())])
        }
        let silent = "\(falseEvents.events) in \(Self.hours(falseEvents.seconds)) h where nothing is labelled"
        rows.append([
            "false events",
            falseEvents.rate.map { "\(Decimal.text($0, 2)) an hour (\(silent))" }
                ?? "not counted: all audio has a label (false/h has a label's events in audio of others)",
        ])
        rows.append([
            "calibration error",
            "\(Self.number(evaluation.reliability.expectedError)) of the probabilities "
                + (evaluation.isSingle ? "of first labels" : "of labels"),
        ])
        return TextColumns.lines(rows, alignments: [.left, .left])
    }

    private var perClass: [String] {
        let header = ["label", "given", "predicted", "precision", "recall", "F1", "AP", "false/h"]
        let rows = shown.map { label -> [String] in
            let count = counts[label]
            return [
                evaluation.labels[label], "\(count.given)", "\(count.reported)", Self.number(count.precision),
                Self.number(count.recall), Self.number(count.f1), Self.number(averagePrecisions[label] ?? nil),
                evaluation.isEvent[label] ? falseEventsOfLabels[label].rate.map { Decimal.text($0, 1) } ?? "-" : "-",
            ]
        }
        return TextColumns.lines([header] + rows)
    }

    private var timedPerClass: [String] {
        guard evaluation.isTimed else { return [] }
        let header = ["label", "events", "reported", "event F1", "segment F1", "found", "delay"]
        let rows = shown.filter { evaluation.isEvent[$0] }.map { label -> [String] in
            let delays = evaluation.delays(label)
            return [
                evaluation.labels[label], "\(eventCounts[label].given)", "\(eventCounts[label].reported)",
                Self.number(eventCounts[label].strictF1), Self.number(segmentCounts[label].strictF1),
                "\(delays.found.count)", delays.found.quantile(0.5).map { "\(Decimal.text($0, 2)) s" } ?? "-",
            ]
        }
        return TextColumns.lines([header] + rows)
    }

    /// The matrix of few labels, or the commonest confusions of many.
    private var confusionTable: [String] {
        let names = confusion.labels.map { evaluation.labels[$0] }
        if names.isEmpty { return [] }
        if names.count <= 12 {
            let header = ["given \\ predicted"] + names
            return TextColumns.lines(
                [header] + zip(names, confusion.counts).map { [$0] + $1.map { $0 == 0 ? "." : "\($0)" } })
        }
        let pairs = confusion.counts.enumerated().flatMap { row, counts in
            counts.enumerated().filter { $0.offset != row && $0.element > 0 }.map { (row, $0.offset, $0.element) }
        }.sorted { ($1.2, $0.0, $0.1) < ($0.2, $1.0, $1.1) }
        return TextColumns.lines(
            [["confusions: given", "predicted", "recordings"]]
                + pairs.prefix(15).map { [names[$0.0], names[$0.1], "\($0.2)"] },
            alignments: [.left, .left, .right])
    }

    private var calibration: [String] {
        let bins = evaluation.reliability.bins.filter { $0.count > 0 }
        guard !bins.isEmpty else { return [] }
        return TextColumns.lines(
            [["probability", "values", "mean", "right"]]
                + bins.map { bin in
                    [
                        "\(Decimal.text(bin.low, 2)) to \(Decimal.text(bin.high, 2))", "\(bin.count)",
                        Self.number(bin.confidence), Self.number(bin.accuracy),
                    ]
                })
    }

    private var labelErrors: [String] {
        let likely = comparisons.filter { $0.first != nil && !$0.isRight }.prefix(10)
        guard !likely.isEmpty else { return [] }
        return TextColumns.lines(
            [["likely label errors", "given", "predicted", "p", "p of given"]]
                + likely.map { row in
                    [
                        row.file, row.given.map { evaluation.labels[$0] }.joined(separator: ", "),
                        row.first.map { evaluation.labels[$0] } ?? "-", Self.number(Double(row.probability)),
                        Self.number(row.givenProbability.map(Double.init)),
                    ]
                }, alignments: [.left, .left, .left, .right, .right])
    }

    private var chosen: [String] {
        guard let choices else { return [] }
        let header = [
            "thresholds for \(Decimal.text(choices.limit, 3)) false events an hour", "threshold", "present", "false/h",
            "recall", "changed",
        ]
        let given = choices.labels.filter { $0.isGiven || !$0.value.isReached || $0.isChanged }
        let rows = given.map { choice in
            [
                choice.label,
                Decimal.text(choice.value.threshold, 3) + (choice.value.isReached ? "" : " (not reached)"),
                Decimal.text(choice.own, 3),
                choice.value.rate.map { Decimal.text($0, 1) } ?? "-", Self.number(choice.value.recall),
                choice.isChanged ? "yes" : "-",
            ]
        }
        return TextColumns.lines([header] + rows)
    }

    private var failed: [String] {
        guard !failures.isEmpty else { return [] }
        return TextColumns.lines(
            [["failed recordings", "reason"]] + failures.map { [$0.file, $0.error.code] }, alignments: [.left, .left])
    }

    private static func text(_ delays: Evaluation.Delays) -> String {
        let found = "\(delays.found.count) of \(Quantity.text(delays.given, "event")) found"
        guard let median = delays.found.quantile(0.5), let high = delays.found.quantile(0.9) else { return found }
        return "\(Decimal.text(median, 2)) s in the median, 90 % within \(Decimal.text(high, 2)) s (\(found))"
    }

    /// Returns a number with three decimals.
    private static func number(_ value: Double?) -> String {
        guard let text = value.map({ Decimal.text($0, 3) }) else { return "-" }
        let decimals = text.split(separator: ".").dropFirst().first?.count ?? 0
        return text + (decimals == 0 ? "." : "") + String(repeating: "0", count: 3 - decimals)
    }

    private static func percent(_ value: Double?) -> String { value.map { "\(Decimal.text($0 * 100, 1)) %" } ?? "-" }
    private static func hours(_ seconds: Double) -> String { Decimal.text(seconds / 3600, 3) }
}

/// A table as lines of text, with the columns aligned.
enum TextColumns {
    enum Alignment { case left, right }

    /// - Parameter alignments: of each column; by default the first to the left, the others to the right.
    static func lines(_ rows: [[String]], alignments: [Alignment] = [.left]) -> [String] {
        let rows = rows.map { $0.map(printable) }
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                let alignment = column < alignments.count ? alignments[column] : .right
                return alignment == .left ? row[column] + space : space + row[column]
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// Returns a text without control characters, which a terminal would obey.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
