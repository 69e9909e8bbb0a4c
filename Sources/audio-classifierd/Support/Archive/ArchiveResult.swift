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
    /// Sentences on audio that is missing; nil for a whole recording.
    package var missingAudio: String?
    /// Time of the first sample, in seconds since 1970.
    package var startTime: Double?

    package init() {}

    /// The record of a file without a result, or of a recording that is cut; nil for others.
    func record(_ item: ArchiveItem, _ format: OutputFormat) -> Record? {
        let file = item.name.description
        guard let failure else {
            return StreamSession.End(seconds: seconds, isComplete: isComplete, missingAudio: missingAudio)
                .record(file: file, format)
        }
        return isSkipped
            ? .skipped(file: file, code: failure.code, message: failure.message)
            : .error(file: file, code: failure.code, message: failure.message)
    }

    func entry(_ item: ArchiveItem, rows: Int, end: Int) -> JournalEntry {
        JournalEntry(
            file: item.key.description, state: failure == nil ? .done : isSkipped ? .skipped : .failed, size: item.size,
            changed: item.changed, seconds: seconds, rows: rows, end: end,
            code: failure?.code ?? missingAudio.map { _ in JournalEntry.cut },
            message: failure?.message ?? missingAudio)
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
