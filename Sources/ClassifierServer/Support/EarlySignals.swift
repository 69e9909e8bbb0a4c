internal import Glibc
internal import Synchronization

/// Signals that arrive while the service starts, before it handles them itself.
public enum EarlySignals {
    private static let isReloadWanted = Atomic(false)

    /// Keeps SIGHUP and SIGPIPE from ending the program. The reload that a SIGHUP asks for follows the start.
    public static func hold() {
        signal(SIGPIPE, SIG_IGN)
        // Nothing is read yet that would have to be read again.
        signal(SIGHUP, SIG_IGN)
        // A constant is made at its first use, which must not be in a signal handler.
        isReloadWanted.store(false, ordering: .relaxed)
        signal(SIGHUP) { _ in EarlySignals.isReloadWanted.store(true, ordering: .relaxed) }
    }

    /// Makes SIGTERM and SIGINT end the program at once, as properly as they end a service that runs.
    public static func stopAtOnce() {
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
    }

    /// Returns whether a SIGHUP has come since ``hold()``, once.
    static func takeReload() -> Bool { isReloadWanted.exchange(false, ordering: .relaxed) }
}
