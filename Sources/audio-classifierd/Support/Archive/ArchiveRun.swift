package import AudioClassifier
internal import AudioFrontend
internal import Glibc
internal import Synchronization

/// The classification of an archive's files, several at once.
package struct ArchiveRun: Sendable {
    private let session: StreamSession
    private let output: any ArchiveOutput
    private let threads: Int
    private let progress: ArchiveProgress?
    /// The stream's name in all records; nil for each file's path.
    package var streamName: String?
    package var time: RecordingTime?

    /// A file with its failure, or the reason why it was skipped.
    package struct Loss: Sendable {
        package let error: ClassifierError
        package let isSkipped: Bool
    }

    /// The outcome of a run.
    package struct Summary: Sendable {
        package var losses: [Loss] = []
        package var finished = 0
        /// Files without a time of recording.
        package var timeless = 0
        /// Recordings that are cut.
        package var cut = 0
        /// Whether a signal ended the run before the last file.
        package var isStopped = false
    }

    package init(session: StreamSession, output: any ArchiveOutput, threads: Int, progress: ArchiveProgress?) {
        self.session = session
        self.output = output
        self.threads = threads
        self.progress = progress
    }

    /// Classifies the files.
    /// - Throws: an error if the output cannot be written, or its reader has gone.
    package func run(_ items: [ArchiveItem]) throws -> Summary {
        defer { progress?.finish() }
        let summary = Mutex(Summary())
        let broken = Mutex<(any Error)?>(nil)
        let spare = SpareThreads()
        ParallelWork.run(Array(items.enumerated()), threads: threads, spare: spare) {
            index, item -> ArchiveResult in
            var result = ArchiveResult()
            guard !StopSignal.isRaised, broken.withLock({ $0 == nil }) else {
                result.isComplete = false
                return result
            }
            do { try classify(index, item, spare, &result) } catch {
                broken.withLock { $0 = $0 ?? error }
                result.isComplete = false
            }
            return result
        } deliver: { entry, result in
            // Behind a recording that a signal stopped nothing is written, so that the next run keeps the order.
            guard !summary.withLock({ $0.isStopped }) else { return }
            do {
                if broken.withLock({ $0 == nil }) { try output.complete(entry.offset, entry.element, result) }
            } catch {
                broken.withLock { $0 = error }
            }
            summary.withLock { $0.add(result, needsTime: time != nil) }
            if result.isComplete { progress?.complete(entry.element, seconds: result.seconds) }
        }
        let failure = broken.withLock { $0 }
        do { try output.close() } catch { throw failure ?? error }
        if let failure { throw failure }
        return summary.withLock { $0 }
    }

    /// Classifies one file; its own errors are in the result.
    /// - Throws: the error of the output.
    private func classify(
        _ index: Int, _ item: ArchiveItem, _ spare: SpareThreads, _ result: inout ArchiveResult
    ) throws {
        if case .skip(let code, let message) = item.work {
            result.failure = ClassifierError(.noInput, code: code, message)
            result.isSkipped = true
            return
        }
        var outputFailure: (any Error)?
        if item.name.isPipe {
            session.warn("\(item.name) is a named pipe: its audio comes when a program writes into it")
        }
        do {
            var audio = try session.open(item.name)
            let duration = audio.seconds
            result.startTime = time?.startTime(of: item.name, duration: duration)
            let startTime = result.startTime
            let file = item.name.isStandardInput ? nil : item.name.description
            var session = session
            // The predictions of a pipe come at once.
            if item.name.isRegularFile, !item.name.isStandardInput { session.spareThreads = spare }
            let end = try session.runRecords(
                &audio, file: file, stream: streamName ?? item.name.description,
                progress: { progress?.update(item, fraction: $0, of: duration) },
                lateWarning: { Self.warning(ofChangesOf: item) },
                report: { records in
                    do { try output.receive(records, of: index, item, startTime: startTime) } catch {
                        outputFailure = error
                        throw error
                    }
                })
            result.seconds = end.seconds
            result.isComplete = end.isComplete
            result.missingAudio = end.missingAudio
        } catch {
            if let outputFailure { throw outputFailure }
            result.failure = ClassifierError(error)
        }
    }

    /// Returns a warning if a recorder or a copy was still writing the file.
    private static func warning(ofChangesOf item: ArchiveItem) -> String? {
        guard item.size > 0, let status = item.name.status,
            Int(status.st_size) != item.size || status.changed != item.changed
        else { return nil }
        return "\(item.name): has changed since the files were listed; its result is of what was read"
    }
}

extension ArchiveRun.Summary {
    fileprivate mutating func add(_ result: ArchiveResult, needsTime: Bool) {
        guard result.isComplete else {
            isStopped = true
            return
        }
        finished += 1
        if result.missingAudio != nil { cut += 1 }
        if let failure = result.failure {
            losses.append(.init(error: failure, isSkipped: result.isSkipped))
        } else if needsTime, result.startTime == nil {
            timeless += 1
        }
    }
}
