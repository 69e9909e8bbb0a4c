internal import Dispatch
internal import Glibc
internal import Logging
internal import Synchronization

/// The end of a program that was asked to stop while nobody reads its output.
///
/// A write to a full pipe cannot be interrupted without a change of its flags, which other processes share. So a thread
/// ends the program when a write makes no progress after the signal.
enum StalledOutput {
    /// Seconds from the signal, or from the beginning of a later write, to the end of the program.
    private static let patience: Int64 = 5
    /// Beginning of the present write, in seconds of a monotonic clock and at least 1; 0 without one.
    private static let began = Atomic<Int64>(0)

    /// Performs a write that may block, one at a time.
    static func observe<Failure: Error>(_ write: () throws(Failure) -> Void) throws(Failure) {
        began.store(now, ordering: .relaxed)
        defer { began.store(0, ordering: .relaxed) }
        try write()
    }

    /// Begins to watch.
    /// - Parameter interrupt: a descriptor that becomes readable with the signal.
    static func watch(_ interrupt: Int32) {
        try? WorkerThreads.run(in: DispatchGroup()) {
            var waiting = pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0)
            while unsafe poll(&waiting, 1, -1) < 1 {}
            let signalled = now
            while true {
                usleep(100_000)
                let begun = began.load(ordering: .relaxed)
                // Invariant: seconds since the machine's start.
                if begun > 0, now - max(begun, signalled) >= patience { end() }
            }
        }
    }

    private static func end() -> Never {
        var waiting = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        // Nobody may read the messages either.
        if unsafe poll(&waiting, 1, 0) == 1 {
            let fault = "nobody has read the output for \(patience) s since the signal to stop"
            StandardErrorLog.write(.error, "\(fault); its last line may be cut")
        }
        _exit(ExitStatus.inputOutput.rawValue)
    }

    private static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) + 1
    }
}
