package import AudioClassifier
internal import AudioFrontend

/// The result of a file beside its records.
package struct ArchiveResult: Sendable {
    /// Duration of the audio that was classified.
    package var seconds = 0.0
    /// The error, or the reason why the file was skipped, with its record.
    package var failure: ClassifierError?
    package var isSkipped = false
    /// Whether the file was read to its end. False after a signal.
    package var isComplete = true
    /// Time of the first sample, in seconds since 1970.
    package var startTime: Double?

    package init() {}

    /// The record of a file without a result; nil for a file with one.
    func record(_ item: ArchiveItem) -> Record? {
        guard let failure else { return nil }
        let file = item.name.description
        return isSkipped
            ? .skipped(file: file, code: failure.code, message: failure.message)
            : .error(file: file, code: failure.code, message: failure.message)
    }

    func entry(_ item: ArchiveItem, rows: Int, end: Int) -> JournalEntry {
        JournalEntry(
            file: item.key, state: failure == nil ? .done : isSkipped ? .skipped : .failed, size: item.size,
            changed: item.changed, seconds: seconds, rows: rows, end: end, code: failure?.code,
            message: failure?.message)
    }
}

/// The place of an archive's results.
package protocol ArchiveOutput: Sendable {
    /// Receives records of a file, on any thread.
    func receive(_ records: [Record], of index: Int, _ item: ArchiveItem, startTime: Double?) throws
    /// Receives the end of a file, in the order of the files.
    func complete(_ index: Int, _ item: ArchiveItem, _ result: ArchiveResult) throws
    /// Completes the output after the last file, or after an interrupt or a failure.
    func close() throws
}
