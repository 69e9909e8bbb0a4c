internal import AudioClassifier
internal import StrictCoding

/// The settings that only requests have; they share all others with the command line.
enum QuerySettings {
    static let stream = Setting(
        "stream", .streamName, described: "a name of the service's own", "The stream's name.")
    static let emit = Setting(
        "emit", .emissions, described: "the configuration's; summary for a file",
        "Report every prediction, changes of the first label, or events; for a file also one summary.")
    static let isLive = Setting(
        "live", .flag, default: false,
        "Whether a source that cannot wait loses what does not fit into its queue, with a gap record.")
    static let resumes = Setting(
        "resume", .flag, default: false, "Whether the stream of this name is continued.")
    static let position = Setting(
        "position", .integer(0...1 << 48, "sample"), "Position of the first sample that will be sent.")
    static let features = Setting(
        "features", .flag, default: false,
        "Whether the model's log-mel frames are sent as binary messages besides the records.")
}

extension ValueKind<String> {
    /// A stream's name, which appears in records, topics, file names and pages.
    static let streamName = ValueKind(
        placeholder: "name",
        expected: "1 to 64 letters, digits, dots, dashes and underscores, without a dot at the beginning",
        show: { JSONWriter.quoted($0) }, parse: { StreamName.isValid($0) ? $0 : nil })
}

extension ValueKind<[ReportMode]> {
    /// One kind of records, or events together with another kind.
    static let emissions = ValueKind(
        placeholder: "records",
        expected: "frames, changes or events, or events and another kind with a comma between; for files also summary",
        words: ReportMode.allCases.map(\.rawValue),
        show: { $0.map(\.rawValue).joined(separator: ",") }
    ) { text in
        let words = text.split(separator: ",").map { ReportMode(rawValue: String($0)) }
        let emissions = words.compactMap { $0 }
        let isKnown = !words.isEmpty && words.count == emissions.count
        return isKnown && Set(emissions).subtracting([.events]).count <= 1 ? emissions : nil
    }
}
