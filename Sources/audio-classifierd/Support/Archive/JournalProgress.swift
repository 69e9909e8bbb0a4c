import AudioClassifier
import AudioFrontend
import Glibc

/// What earlier runs have done of an archive, and what is left.
struct JournalProgress {
    /// Files without a result.
    private(set) var remaining: [ArchiveItem] = []
    /// Number of files with a result.
    private(set) var finished = 0
    /// Those that have changed since.
    private(set) var changed: [FileName] = []
    /// Failed and skipped files of earlier runs.
    private(set) var losses: [ArchiveRun.Loss] = []
    /// Number of recordings that are cut.
    private(set) var cut = 0

    /// - Parameter place: the place of per-file results, which are checked; nil for one output.
    init(_ journal: Journal?, _ items: [ArchiveItem], place: PerFileOutput.Place?, format: OutputFormat) {
        guard let journal else {
            remaining = items
            return
        }
        // Names are bytes: as texts, two that differ in the form of an accent would be the same.
        let entries = Dictionary(journal.entries.map { (FileName($0.file), $0) }) { $1 }
        for item in items {
            guard let entry = entries[item.key], Self.isThere(entry, item, place, format) else {
                remaining.append(item)
                continue
            }
            finished += 1
            if entry.size != item.size || entry.changed != item.changed { changed.append(item.name) }
            if entry.state == .done, entry.code == JournalEntry.cut { cut += 1 }
            if entry.state != .done {
                losses.append(
                    ArchiveRun.Loss(
                        error: ClassifierError(Self.kind(entry.code), code: entry.code ?? "", entry.message ?? ""),
                        isSkipped: entry.state == .skipped))
            }
        }
    }

    /// Whether the result of an entry is still there: after a power failure a file may be empty.
    private static func isThere(
        _ entry: JournalEntry, _ item: ArchiveItem, _ place: PerFileOutput.Place?, _ format: OutputFormat
    ) -> Bool {
        guard let place else { return true }
        return PerFileOutput.target(item, place, format).status.map { Int($0.st_size) } == entry.end
    }

    private static func kind(_ code: String?) -> ClassifierError.Kind {
        switch code {
        case "not_found": .noInput
        case "read": .inputOutput
        default: .data
        }
    }
}
