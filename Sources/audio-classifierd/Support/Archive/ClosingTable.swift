internal import AudioClassifier
internal import Logging
internal import StrictCoding

/// The end of a run in words: the errors, a table of what failed and was skipped with the remedies, the way to go on.
struct ClosingTable {
    /// Failed and skipped files, those of earlier runs included.
    var losses: [ArchiveRun.Loss] = []
    /// Errors of folders that could not be searched.
    var folders: [ClassifierError] = []
    /// Number of files with a result.
    var finished = 0
    var total = 0
    /// Further sentences.
    var notes: [String] = []

    private var log: Logger { Logger(label: "audio-classifierd") }

    /// Writes the table to standard error. A run without losses has none.
    func write() {
        folders.forEach(CommandFailure.report)
        for loss in losses where !loss.isSkipped { CommandFailure.report(loss.error) }
        for note in notes { log.notice("\(note)") }
        guard !losses.isEmpty else { return }
        let failed = losses.count { !$0.isSkipped }
        log.notice(
            "\(finished) of \(Quantity.text(total, "file")) done, \(failed) failed, \(losses.count - failed) skipped")
        for (reason, count) in reasons {
            let remedy = Self.remedies[reason.code].map { ": \($0)" } ?? ""
            let result = reason.isSkipped ? "skipped" : "failed "
            log.notice("\(Self.padded(count)) \(result)  \(reason.code)\(remedy)")
        }
    }

    private struct Reason: Hashable {
        let code: String
        let isSkipped: Bool
    }

    /// The reasons with the numbers of their files, the commonest first.
    private var reasons: [(Reason, Int)] {
        let counts = Dictionary(
            losses.map { (Reason(code: $0.error.code, isSkipped: $0.isSkipped), 1) }, uniquingKeysWith: +)
        return counts.sorted { ($1.value, $0.key.code) < ($0.value, $1.key.code) }.map { ($0.key, $0.value) }
    }

    /// What helps against each error, by its code.
    private static let remedies = [
        "format": "libsndfile does not read them; convert each with ffmpeg -i FILE FILE.flac",
        "decode": "not audio, or damaged; where another program plays them, convert each with ffmpeg -i FILE FILE.flac",
        "not_found": "missing, or without permission to read",
        "non_finite_sample": "damaged, or floats that are no samples; record or export them again",
        "read": "the disk or the network reports an error; copy them elsewhere first",
        "converted": "each lies beside a file of its base name that is done; rename those that are other recordings",
        "same_file": "links to a file that has its result under another name",
    ]

    private static func padded(_ count: Int) -> String {
        let text = String(count)
        return String(repeating: " ", count: max(0, 7 - text.count)) + text
    }
}
