internal import AudioClassifier
internal import AudioFrontend
internal import Glibc
internal import NIOConcurrencyHelpers
internal import NIOPosix
internal import Synchronization

/// Stores uploads and classifies a few of them at a time, on separate threads of lower priority, so that live streams
/// do not wait for them.
final class FileClassification: Sendable {
    private struct ReaderGone: Error {}

    /// Niceness of the threads, beside which the loops get the processor as soon as they need it.
    private static let niceness: Int32 = 10
    /// Threads that store uploads.
    private static let storageThreads = 2

    private let limit: Int
    private let longestSeconds: Double
    private let metrics: ServerMetrics
    private let pool: NIOThreadPool
    private let storage = NIOThreadPool(numberOfThreads: storageThreads)
    private let running = NIOLockedValueBox(0)
    private let isCancelled = Atomic(false)

    /// - Parameters:
    ///   - limit: most files at the same time.
    ///   - longestSeconds: longest duration of a file.
    ///   - metrics: count the audio of files.
    init(limit: Int, longestSeconds: Double, metrics: ServerMetrics) {
        self.limit = limit
        self.longestSeconds = longestSeconds
        self.metrics = metrics
        pool = NIOThreadPool(numberOfThreads: limit)
        pool.start()
        storage.start()
    }

    /// Ends all work soon: files that are not classified completely are refused.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// Whether no file is classified any more.
    var isStopping: Bool { isCancelled.load(ordering: .relaxed) }

    /// Cancels all work, and returns when the threads have ended.
    func stop() async {
        cancel()
        try? await storage.shutdownGracefully()
        try? await pool.shutdownGracefully()
    }

    /// Counts a file if the limit allows one more.
    /// - Returns: false at the limit; after true, the caller must call ``leave()``.
    func enter() -> Bool {
        running.withLockedValue { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    /// Whether no file is being classified.
    var isIdle: Bool { running.withLockedValue { $0 == 0 } }

    /// Whether a further file would be classified now.
    var hasRoom: Bool { running.withLockedValue { $0 < limit } }

    func leave() { running.withLockedValue { $0 -= 1 } }

    /// Performs a part of the storage of an upload.
    func store<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await storage.runIfActive(body)
    }

    /// Returns the lines of a file as they are made, a few ahead of their reader. The sequence throws if the file is no
    /// audio, after the lines of its audio. The work ends soon after its reader has gone.
    func lines(
        _ descriptor: Int32, session: StreamSession, input: InputOptions, name: String
    ) -> some AsyncSequence<[String], any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: [String].self)
        let backlog = Backlog()
        continuation.onTermination = { _ in backlog.close() }
        var session = session
        session.longestSeconds = longestSeconds
        session.input = input
        session.isStopped = { [self] in backlog.isClosed || isStopping }
        pool.submit { [session, self] state in
            guard case .active = state, !session.isStopped() else {
                close(descriptor)
                continuation.finish(throwing: AdmissionRefusal.stopping)
                return
            }
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
            do {
                try run(session, descriptor, name: name) { lines in
                    // What follows a stop is not the file's result.
                    guard !isStopping else { throw AdmissionRefusal.stopping }
                    backlog.add()
                    guard case .enqueued = continuation.yield(lines) else { throw ReaderGone() }
                }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        return stream.map { lines in
            backlog.take()
            return lines
        }
    }

    private func run(
        _ session: StreamSession, _ descriptor: Int32, name: String, write: ([String]) throws -> Void
    ) throws {
        var audio = try AudioInput(
            descriptor: descriptor, name: name, rate: session.model.sampleRate, options: session.inputOptions,
            owned: true)
        try write(session.header)
        let end: StreamSession.End
        do { end = try session.run(&audio, file: name, stream: name, write: write) } catch {
            metrics.decodedUpload(seconds: audio.secondsRead)
            throw error
        }
        metrics.decodedUpload(seconds: audio.secondsRead)
        // Without an error a stop of the service looks like the end of the file.
        guard end.isComplete else { throw AdmissionRefusal.stopping }
    }
}
