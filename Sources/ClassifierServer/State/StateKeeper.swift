internal import AudioClassifier
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOPosix

/// Saves the states of running streams every few seconds, and those of streams that end before their audio does. Disks
/// are slow: a thread of its own writes.
final class StateKeeper: Sendable {
    let store: StateStore
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let metrics: ServerMetrics
    private let log: Logger
    private let isFailing = NIOLockedValueBox(false)
    private let running = NIOLockedValueBox<Set<String>>([])

    init(_ store: StateStore, metrics: ServerMetrics, log: Logger) {
        self.store = store
        self.metrics = metrics
        self.log = log
        pool.start()
    }

    /// Waits until everything is written.
    func stop() async { try? await pool.shutdownGracefully() }

    /// The newest state of a stream that is not running, after all that is being written.
    func load(_ id: String) async -> [UInt8]? {
        do {
            return try await pool.runIfActive { try self.store.load(id) }
        } catch {
            log.error("\(ClassifierError(error).message)", metadata: ["stream": "\(id)"])
            return nil
        }
    }

    /// Keeps a state that somebody brings.
    func put(_ id: String, _ state: [UInt8]) async throws {
        try await pool.runIfActive { try self.store.save(id, state) }
    }

    /// Where in its file a source's stream is.
    func place(of id: String) async -> FilePlace? {
        let place = try? await pool.runIfActive { self.store.place(of: id) }
        return place ?? nil
    }

    /// Keeps where in its file a source's stream is, before the stream gets what follows.
    /// - Parameters:
    ///   - place: nil where it cannot go on there.
    ///   - isNew: a stream that has just begun: an older state is none of it.
    func keep(_ place: FilePlace?, of id: String, isNew: Bool) async {
        guard store.folder != nil else { return }
        try? await pool.runIfActive {
            if isNew { self.store.remove(id) }
            guard let place else { return self.store.removePlace(of: id) }
            self.attempt { () throws(ClassifierError) in try self.store.save(place, of: id) }
        }
    }

    func began(_ id: String) { _ = running.withLockedValue { $0.insert(id) } }

    /// A stream has ended.
    /// - Parameter state: what it could go on from, or nil where it is complete.
    func ended(_ id: String, _ state: [UInt8]?) {
        _ = running.withLockedValue { $0.remove(id) }
        pool.submit { [self] _ in
            if let state { write(id, state) } else { store.remove(id) }
        }
    }

    /// Saves what has changed, again and again, until the task is cancelled.
    func run(_ loops: [InferenceLoop], every seconds: Double, keepHours: Double) async {
        guard store.folder != nil else { return }
        var saved: [String: Int64] = [:]
        var round = 0
        while (try? await Task.sleep(for: .seconds(seconds))) != nil {
            var running: [String: Int64] = [:]
            for loop in loops {
                for status in await loop.statuses {
                    running[status.id] = status.position
                    guard saved[status.id] != status.position, let state = await loop.snapshot(status.id) else {
                        continue
                    }
                    try? await pool.runIfActive {
                        // One that has ended meanwhile is no longer what is saved.
                        if self.running.withLockedValue({ $0.contains(status.id) }) { self.write(status.id, state) }
                    }
                }
            }
            saved = running
            if round % 100 == 0 { try? await pool.runIfActive { self.store.removeOlder(than: keepHours * 3600) } }
            round += 1
        }
    }

    private func write(_ id: String, _ state: [UInt8]) {
        attempt { () throws(ClassifierError) in try store.save(id, state) }
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
            // A disk that is full stays full for a while: it is told once.
            if !isFailing.withLockedValue({
                let before = $0; $0 = true; return before
            }) {
                log.error("\(error.message)")
            }
        }
    }
}
