internal import StrictCoding

/// Writes the labels of recordings in the formats of other programs.
package struct LabelWriter: Sendable {
    private let format: OutputFormat
    /// Half of the model's sample rate, in Hz: the upper edge of a selection.
    private let highestFrequency: Int
    /// Rows or cues written so far.
    package private(set) var rows: Int
    /// Duration of the recordings written so far, in seconds.
    package private(set) var seconds: Double
    /// Duration of the recordings before the newest one, in seconds.
    private var earlierSeconds: Double

    /// - Parameters:
    ///   - rows: rows that an earlier run has written to the output.
    ///   - seconds: duration of the recordings that it has written.
    package init(_ format: OutputFormat, sampleRate: Int, rows: Int = 0, seconds: Double = 0) {
        self.format = format
        highestFrequency = sampleRate / 2
        self.rows = rows
        self.seconds = seconds
        earlierSeconds = seconds
    }

    /// The lines at the beginning of an output.
    package var header: [String] {
        switch format {
        case .vtt: ["WEBVTT", ""]
        case .raven:
            [
                DelimitedRow.tsv([
                    "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
                    "High Freq (Hz)", "Begin Path", "File Offset (s)", "Begin Date Time", "Annotation", "Score",
                    "Error",
                ])
            ]
        case .kaleidoscope:
            [
                DelimitedRow.csv([
                    "INDIR", "FOLDER", "IN FILE", "CHANNEL", "OFFSET", "DURATION", "DATE", "TIME", "AUTO ID",
                    "CONFIDENCE", "MANUAL ID", "ERROR",
                ])
            ]
        case .elan:
            [
                DelimitedRow.tsv([
                    "Tier", "Begin Time - ss.msec", "End Time - ss.msec", "Annotation", "Probability", "File", "Error",
                ])
            ]
        case .srt, .audacity, .rttm, .jsonl, .csv, .tsv: []
        }
    }

    /// Returns the lines of a recording, in the order of their beginnings.
    /// - Parameters:
    ///   - seconds: the recording's duration.
    ///   - startTime: the time of its first sample, in seconds since 1970.
    package mutating func lines(
        _ file: String, _ spans: [LabelledSpan], seconds: Double, startTime: Double? = nil
    ) -> [String] {
        // A stable order: equal beginnings stay as they were.
        let sorted = spans.enumerated().sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }
            .map(\.element)
        let lines = (isOfCues ? Self.cues(sorted) : sorted).flatMap { row(file, $0, startTime) }
        earlierSeconds = self.seconds
        self.seconds += seconds
        return lines
    }

    private var isOfCues: Bool { format == .srt || format == .vtt }

    /// Returns one span for all labels of a window or a recording, with their probabilities: a player would lay cues of
    /// the same time upon each other.
    private static func cues(_ spans: [LabelledSpan]) -> [LabelledSpan] {
        spans.reduce(into: []) { cues, span in
            guard span.isRanked else { return cues.append(span) }
            var text = "\(span.label) \(Decimal.text(Double(span.probability), 2))"
            var probability = span.probability
            if let last = cues.last, last.isRanked, last.start == span.start, last.end == span.end {
                (text, probability) = ("\(last.label), \(text)", last.probability)
                cues.removeLast()
            }
            cues.append(
                LabelledSpan(
                    label: text, start: span.start, end: span.end, probability: probability, isRanked: true))
        }
    }

    /// Returns the lines for a file that failed or was skipped, or for the newest recording if it is cut: a row without
    /// duration, with the reason, at the beginning of the file or where the audio is missing.
    package mutating func lines(_ record: Record) -> [String] {
        switch record {
        case .error(let file, let code, let message):
            failure(
                file, "error: \(code): \(message)", at: code == "cut" ? earlierSeconds : seconds,
                offset: code == "cut" ? seconds - earlierSeconds : 0)
        case .skipped(let file, let code, let message):
            failure(file, "skipped: \(code): \(message)", at: seconds, offset: 0)
        default: []
        }
    }

    private mutating func row(_ file: String, _ span: LabelledSpan, _ startTime: Double?) -> [String] {
        rows += 1
        let label = Self.oneLine(span.label)
        let times = [span.start, span.end].map { Self.fixed($0, 6) }
        let probability = Decimal.text(Double(span.probability), 4)
        switch format {
        case .srt: return cue(span.start, span.end, label)
        case .vtt: return [Self.cueTimes(span.start, span.end, "."), Self.escaped(label), ""]
        case .audacity: return [DelimitedRow.tsv(times + [label])]
        case .raven:
            let begin = Self.fixed(seconds + span.start, 6)
            let end = Self.fixed(seconds + span.end, 6)
            return [raven(begin, end, file, times[0], startTime.map { $0 + span.start }, label, probability, "")]
        case .kaleidoscope:
            let duration = Self.fixed(span.end - span.start, 6)
            return [kaleidoscope(file, times[0], duration, startTime.map { $0 + span.start }, label, probability, "")]
        case .rttm:
            let duration = Self.fixed(span.end - span.start, 6)
            return [rttm("SPEAKER", file, times[0], duration, label, probability)]
        case .elan: return [DelimitedRow.tsv([label] + times + [label, probability, file, ""])]
        case .jsonl, .csv, .tsv: return []
        }
    }

    /// - Parameters:
    ///   - seconds: the beginning of the recording in a list of all.
    ///   - offset: the place of the row in the recording, in seconds.
    private mutating func failure(_ file: String, _ reason: String, at seconds: Double, offset: Double) -> [String] {
        rows += 1
        let reason = Self.oneLine(reason)
        let (place, none) = (Self.fixed(offset, 6), Self.fixed(0, 6))
        switch format {
        case .srt: return cue(offset, offset, reason)
        case .vtt: return ["NOTE \(reason.replacing("-->", with: "->"))", ""]
        case .audacity: return [DelimitedRow.tsv([place, place, reason])]
        case .raven:
            let begin = Self.fixed(seconds + offset, 6)
            return [raven(begin, begin, file, place, nil, "", "", reason)]
        case .kaleidoscope: return [kaleidoscope(file, place, none, nil, "", "", reason)]
        // A region that is not to be scored, without duration.
        case .rttm: return [rttm("NOSCORE", file, place, none, reason, "<NA>")]
        case .elan: return [DelimitedRow.tsv(["", place, place, "", "", file, reason])]
        case .jsonl, .csv, .tsv: return []
        }
    }

    // MARK: Rows of each format

    private func cue(_ start: Double, _ end: Double, _ text: String) -> [String] {
        ["\(rows)", Self.cueTimes(start, end, ","), text, ""]
    }

    private func raven(
        _ begin: String, _ end: String, _ file: String, _ offset: String, _ time: Double?, _ label: String,
        _ score: String, _ error: String
    ) -> String {
        DelimitedRow.tsv([
            "\(rows)", "Spectrogram 1", "1", begin, end, "0.0", "\(highestFrequency).0", file, offset,
            time.map(CalendarTime.text) ?? "", label, score, error,
        ])
    }

    private func kaleidoscope(
        _ file: String, _ offset: String, _ duration: String, _ time: Double?, _ label: String, _ score: String,
        _ error: String
    ) -> String {
        var folders = file.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let name = folders.removeLast()
        let folder = folders.popLast() ?? ""
        let date = time.map(CalendarTime.dateAndTime)
        return DelimitedRow.csv([
            folders.joined(separator: "/"), folder, name, "0", offset, duration, date?.date ?? "", date?.time ?? "",
            label, score, "", error,
        ])
    }

    /// Returns a line of ten fields without white space and quotes: in the name of a file they become `%20` and `%22`,
    /// in a label `_` and `'`.
    private func rttm(
        _ type: String, _ file: String, _ start: String, _ duration: String, _ label: String, _ confidence: String
    ) -> String {
        let file = file.utf8.map { byte in
            byte <= 0x20 || byte == 0x7F || "%\"".utf8.contains(byte) ? Self.percent(byte) : [byte]
        }
        let uri = String(decoding: file.joined(), as: UTF8.self)
        let words = label.split(whereSeparator: \.isWhitespace).joined(separator: "_")
        let name = DelimitedRow.replacing("\"", in: words) { _ in "'" }
        return [
            type, uri.isEmpty ? "<NA>" : uri, "1", start, duration, "<NA>", "<NA>", name.isEmpty ? "<NA>" : name,
            confidence, "<NA>",
        ].joined(separator: " ")
    }

    // MARK: Text

    private static func percent(_ byte: UInt8) -> [UInt8] {
        let digits = String(byte, radix: 16, uppercase: true)
        return Array(("%" + (digits.count < 2 ? "0" : "") + digits).utf8)
    }

    /// Returns the text with spaces for control characters and line separators, which would end a line for some reader.
    private static func oneLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    let isBreak = scalar.value < 0x20 || [0x7F, 0x85, 0x2028, 0x2029].contains(scalar.value)
                    return isBreak ? " " : scalar
                }))
    }

    /// Returns a text whose characters have no meaning in WebVTT.
    private static func escaped(_ text: String) -> String {
        DelimitedRow.replacing("&<>", in: text) { $0 == "&" ? "&amp;" : $0 == "<" ? "&lt;" : "&gt;" }
    }

    private static func cueTimes(_ start: Double, _ end: Double, _ separator: String) -> String {
        "\(clock(start, separator)) --> \(clock(end, separator))"
    }

    /// Returns hours, minutes, seconds and milliseconds.
    private static func clock(_ seconds: Double, _ separator: String) -> String {
        // Invariant: a time in a recording, of fewer than 2^48 samples.
        let milliseconds = Int((seconds * 1000).rounded())
        let fields = [milliseconds / 3_600_000, milliseconds / 60_000 % 60, milliseconds / 1000 % 60]
        return fields.map { digits($0, 2) }.joined(separator: ":") + separator + digits(milliseconds % 1000, 3)
    }

    /// Returns a number with exactly so many decimals.
    private static func fixed(_ value: Double, _ decimals: Int) -> String {
        let unit = (0..<decimals).reduce(1) { product, _ in product * 10 }
        // Invariant: a time in recordings, far below 2^43 seconds, in millionths.
        let scaled = Int((max(0, value) * Double(unit)).rounded())
        return "\(scaled / unit).\(digits(scaled % unit, decimals))"
    }

    private static func digits(_ value: Int, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
