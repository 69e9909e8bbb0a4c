internal import AudioClassifier
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A fixed number of threads that take work from one bounded queue, in its order.
final class WorkerThreads: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])
    /// Counts what waits.
    private let ready = DispatchSemaphore(value: 0)
    /// Counts free places in the queue. A semaphore must not be freed below its first value, so that this one grows.
    private let room = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let count: Int

    /// - Parameters:
    ///   - count: number of threads.
    ///   - places: work that may wait.
    init(_ count: Int, places: Int) {
        self.count = count
        for _ in 0..<places { room.signal() }
    }

    /// Starts the threads.
    func start() throws(ClassifierError) {
        for _ in 0..<count {
            try Self.run(in: running) { [self] in
                while let work = take() { work() }
            }
        }
    }

    /// Appends work, after waiting for a place in the queue.
    func add(_ work: @escaping @Sendable () -> Void) {
        room.wait()
        waiting.withLock { $0.append(work) }
        ready.signal()
    }

    /// Returns after the last work is done. Nothing may be added after the call.
    func finish() {
        for _ in 0..<count { ready.signal() }
        running.wait()
    }

    /// Returns the next work; nil after the last.
    private func take() -> (@Sendable () -> Void)? {
        ready.wait()
        let work = waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        if work != nil { room.signal() }
        return work
    }

    /// Runs work on a thread of its own, which may wait for as long as it likes.
    static func run(in group: DispatchGroup, _ work: @escaping @Sendable () -> Void) throws(ClassifierError) {
        final class Work: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        group.enter()
        let passed = unsafe Unmanaged.passRetained(
            Work {
                work()
                group.leave()
            })
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                }
                return nil
            }, passed.toOpaque())
        guard failure == 0 else {
            unsafe passed.release()
            group.leave()
            throw ClassifierError(
                .unavailable, code: "capacity", "cannot start a thread: \(unsafe String(cString: strerror(failure)))")
        }
        pthread_detach(thread)
    }
}
