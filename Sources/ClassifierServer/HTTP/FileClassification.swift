internal import AudioClassifier
internal import AudioFrontend
internal import NIOConcurrencyHelpers
internal import NIOPosix

/// Classifies a few uploaded files at a time on separate threads, so that live streams do not wait for them.
final class FileClassification: Sendable {
    private struct ReaderGone: Error {}

    private let limit: Int
    private let pool: NIOThreadPool
    private let running = NIOLockedValueBox(0)

    init(limit: Int) {
        self.limit = limit
        pool = NIOThreadPool(numberOfThreads: limit)
        pool.start()
    }

    /// Returns when the threads have ended.
    func stop() async { try? await pool.shutdownGracefully() }

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

    func leave() { running.withLockedValue { $0 -= 1 } }

    /// Returns the lines of a file as they are made, a few ahead of their reader. The sequence throws if the file is no
    /// audio, after the lines of its audio.
    func lines(
        _ descriptor: Int32, session: StreamSession, input: InputOptions, name: String
    ) -> some AsyncSequence<[String], any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: [String].self)
        let backlog = Backlog()
        continuation.onTermination = { _ in backlog.close() }
        pool.submit { state in
            guard case .active = state else {
                continuation.finish(throwing: AdmissionRefusal(reason: .stopping, message: "the service is stopping"))
                return
            }
            do {
                var input = input
                input.inform = session.inform
                input.warn = session.warn
                var audio = try AudioInput(
                    descriptor: descriptor, name: name, rate: session.model.recipe.sampleRate, options: input,
                    owned: true)
                backlog.add()
                continuation.yield(session.header)
                try session.run(&audio, file: name, stream: name) { lines in
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
}
