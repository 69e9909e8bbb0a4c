internal import AudioClassifier
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOPosix

/// The owner of running streams, as the saver of their states sees it.
protocol StateProvider: Sendable {
    /// The number of samples that each stream has processed.
    var positions: [(id: String, position: Int64)] { get async }
    /// Returns the current state of a stream; nil if the stream is unknown or cannot be resumed.
    func snapshot(_ id: String) async -> [UInt8]?
}

/// Saves the states of running streams every few seconds, and the last state of a stream that may be resumed. It writes
/// on its own thread, because disks are slow.
final class StateSaver: Sendable {
    let store: StateStore
    /// Bounds the states of clients that are checked at the same time.
    let transfers: TransferLimit
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let metrics: ServerMetrics
    private let log: Logger
    private let isFailing = NIOLockedValueBox(false)
    private let running = NIOLockedValueBox<Set<String>>([])

    init(_ store: StateStore, transfers: Int, metrics: ServerMetrics, log: Logger) {
        self.store = store
        self.transfers = TransferLimit(transfers)
        self.metrics = metrics
        self.log = log
        pool.start()
    }

    /// Returns when all states are written.
    func stop() async { try? await pool.shutdownGracefully() }

    /// Returns the saved state of a stream, after all pending writes.
    func load(_ id: String) async -> [UInt8]? {
        do {
            return try await pool.runIfActive { try self.store.load(id) }
        } catch {
            log.error("\(ClassifierError(error).message)", metadata: ["stream": "\(id)"])
            return nil
        }
    }

    /// Saves a state that a client sent. It removes no other state: such clients could remove those of all others.
    func put(_ id: String, _ state: [UInt8]) async throws {
        try await pool.runIfActive { try self.store.save(id, state, sparing: nil) }
    }

    /// Returns the saved resume point of a source's stream.
    func resumePoint(of id: String) async -> ResumePoint? {
        let point = try? await pool.runIfActive { self.store.resumePoint(of: id) }
        return point ?? nil
    }

    /// Saves the resume point of a source's stream, before the stream gets the bytes after it.
    /// - Parameters:
    ///   - point: nil removes the saved one.
    ///   - isNew: true for a new stream, which must not resume from an older state.
    func save(_ point: ResumePoint?, of id: String, isNew: Bool) async {
        guard store.folder != nil else { return }
        // A task of its own: the pool does nothing for a source that is cancelled, as when the service stops.
        await Task {
            try? await pool.runIfActive {
                if isNew { self.store.remove(id) }
                guard let point else { return self.store.removeResumePoint(of: id) }
                self.attempt { () throws(ClassifierError) in try self.store.save(point, of: id) }
            }
        }.value
    }

    /// Marks a stream as running.
    func began(_ id: String) { _ = running.withLockedValue { $0.insert(id) } }

    /// Marks a stream as ended that leaves the saved state of its name as it is.
    func left(_ id: String) { _ = running.withLockedValue { $0.remove(id) } }

    /// Saves the last state of a stream.
    /// - Parameter state: nil for a stream that cannot be resumed, whose saved state is removed.
    func ended(_ id: String, _ state: [UInt8]?) {
        left(id)
        pool.submit { [self] _ in
            if let state { write(id, state) } else { store.remove(id) }
        }
    }

    /// Saves the states of streams that have advanced, again and again, until the task is cancelled.
    func run(_ providers: [any StateProvider], every seconds: Double, keepHours: Double) async {
        guard store.folder != nil else { return }
        var saved: [String: Int64] = [:]
        var round = 0
        while (try? await Task.sleep(for: .seconds(seconds))) != nil {
            var running: [String: Int64] = [:]
            for provider in providers {
                for (id, position) in await provider.positions {
                    running[id] = position
                    guard saved[id] != position, let state = await provider.snapshot(id) else { continue }
                    try? await pool.runIfActive {
                        // A stream that has ended meanwhile has saved its last state already.
                        if self.running.withLockedValue({ $0.contains(id) }) { self.write(id, state) }
                    }
                }
            }
            saved = running
            if round % 100 == 0 { try? await pool.runIfActive { self.store.removeOlder(than: keepHours * 3600) } }
            // Invariant: rounds are seconds apart.
            round += 1
        }
    }

    private func write(_ id: String, _ state: [UInt8]) {
        attempt { () throws(ClassifierError) in
            try store.save(id, state, sparing: running.withLockedValue { $0 })
        }
    }

    private func attempt(_ save: () throws(ClassifierError) -> Void) {
        do throws(ClassifierError) {
            try save()
            if isFailing.withLockedValue({
                let before = $0; $0 = false; return before
            }) {
                log.notice("states can be saved again")
            }
        } catch {
            metrics.stateFailed()
            // A full disk stays full for a while, so only the first failure is logged.
            if !isFailing.withLockedValue({
                let before = $0; $0 = true; return before
            }) {
                log.error("\(error.message)")
            }
        }
    }
}
