package import AudioClassifier
package import AudioFrontend
internal import Logging
internal import Synchronization

/// The classification of many files, several at once. Lines are written in the order of the files.
package struct ClassificationJob: Sendable {
    private let session: StreamSession
    private let files: [FileName]
    private let streamName: String?
    private let threads: Int
    private let progress: Progress?

    package init(session: StreamSession, files: [FileName], streamName: String?, threads: Int, progress: Progress?) {
        self.session = session
        self.files = files
        self.streamName = streamName
        self.threads = threads
        self.progress = progress
    }

    private struct Outcome: Sendable {
        var lines: [String] = []
        var failure: ClassifierError?
    }

    /// - Returns: the failures; all other files are done.
    /// - Throws: an error if the output cannot be written, or its reader has gone.
    package func run(_ output: OutputSink) throws -> [ClassifierError] {
        try output.write(session.header)
        defer { progress?.finish() }
        // A single file's records are written while it is read; those of several files are written file by file.
        if files.count == 1 {
            return try runOne(files[0], output).map { [$0] } ?? []
        }
        let failures = Mutex<[ClassifierError]>([])
        let broken = Mutex<(any Error)?>(nil)
        let done = Atomic<Int>(0)
        ParallelWork.run(files, threads: threads) { file -> Outcome in
            guard !StopSignal.isRaised, broken.withLock({ $0 == nil }) else { return Outcome() }
            var outcome = Outcome()
            do {
                try session.run(file, stream: streamName ?? file.description) { outcome.lines += $0 }
                // The summary of an interrupted file would look complete.
                if StopSignal.isRaised && session.report.mode == .summary { outcome.lines = [] }
            } catch {
                let failure = ClassifierError(error)
                outcome.failure = failure
                outcome.lines += session.format.lines(Self.record(file, failure))
            }
            return outcome
        } deliver: { file, outcome in
            do {
                if broken.withLock({ $0 == nil }) { try output.write(outcome.lines) }
            } catch {
                broken.withLock { $0 = error }
            }
            if let failure = outcome.failure { failures.withLock { $0.append(failure) } }
            progress?.update(Double(done.add(1, ordering: .relaxed).newValue) / Double(files.count), file.description)
        }
        if let error = broken.withLock({ $0 }) { throw error }
        if StopSignal.isRaised {
            Logger(label: "audio-classifierd").warning("stopped by a signal: files that were not complete are left out")
        }
        return failures.withLock { $0 }
    }

    private func runOne(_ file: FileName, _ output: OutputSink) throws -> ClassifierError? {
        do {
            try session.run(
                file, stream: streamName ?? "audio", progress: { progress?.update($0, file.description) },
                write: { try output.write($0) })
            return nil
        } catch let error as OutputSink.ReaderGone {
            throw error
        } catch let error as ClassifierError where error.code == "write" {
            throw error
        } catch {
            let failure = ClassifierError(error)
            try output.write(session.format.lines(Self.record(file, failure)))
            return failure
        }
    }

    private static func record(_ file: FileName, _ failure: ClassifierError) -> Record {
        .error(file: file.description, code: failure.code, message: failure.message)
    }
}
