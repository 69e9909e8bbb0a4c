/// Formats in which results are written.
package enum OutputFormat: String, Sendable, CaseIterable {
    case jsonl, csv, tsv
    case srt, vtt, audacity, raven, kaleidoscope, rttm, elan

    /// Whether the format holds labels of parts of a recording, and no other records.
    package var isOfLabels: Bool { ![.jsonl, .csv, .tsv].contains(self) }

    /// Whether the format has one time axis and no name of a file, so that an output can describe one recording only.
    package var isOfOneRecording: Bool { [.srt, .vtt, .audacity].contains(self) }

    /// The ending of a file in this format, behind the name of the recording.
    package var fileEnding: String {
        switch self {
        case .jsonl, .csv, .tsv, .srt, .vtt, .rttm: rawValue
        case .audacity: "audacity.txt"
        case .raven: "selections.txt"
        case .kaleidoscope: "kaleidoscope.csv"
        case .elan: "elan.txt"
        }
    }

    /// - Throws: ``ClassifierError`` `usage` if the format cannot hold the records of a mode.
    package func check(_ mode: ReportMode) throws(ClassifierError) {
        guard isOfLabels, mode == .frames || mode == .changes else { return }
        throw ClassifierError(
            .usage, code: "usage",
            "the format \(rawValue) holds labels with a beginning and an end, and \(mode.rawValue) have none; "
                + "choose events or summary, or the format jsonl, csv or tsv")
    }
}
