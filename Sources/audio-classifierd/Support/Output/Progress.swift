internal import Glibc
internal import Synchronization

/// A line on the terminal with the finished share of long work and the remaining time. It needs a terminal.
package final class Progress: Sendable {
    private let title: String
    private let began: Double
    private let shown = Mutex(0.0)

    private init(_ title: String) {
        self.title = title
        began = Self.now()
    }

    package static func ifTerminal(_ title: String) -> Progress? {
        isatty(STDERR_FILENO) == 1 ? Progress(title) : nil
    }

    /// - Parameter fraction: the finished share, 0 to 1.
    package func update(_ fraction: Double, _ note: String = "") {
        let now = Self.now()
        let isReady = shown.withLock { last in
            guard now - last >= 0.1 || fraction >= 1 else { return false }
            last = now
            return true
        }
        guard isReady else { return }
        let elapsed = now - began
        // An input may be longer than it says, and its length may be unknown.
        let done = fraction >= 0 ? min(fraction, 1) : 0
        let left = done > 0 ? elapsed / done - elapsed : 0
        let width = 24
        // Invariant: the fraction is in 0 ... 1.
        let full = Int(done * Double(width))
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: width - full)
        // Invariant: as above.
        let line = "\(title) [\(bar)] \(Int(done * 100)) %  \(Self.clock(left)) left  \(note)"
        TerminalLine.show(Self.cut(line))
    }

    /// Returns the part of a line that fits the terminal. A longer line would fill two rows, one of which would stay.
    private static func cut(_ line: String) -> String {
        var size = winsize()
        let isKnown = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1
        let plain = String(String.UnicodeScalarView(line.unicodeScalars.map { $0.value < 0x20 ? "?" : $0 }))
        return isKnown ? String(plain.prefix(Int(size.ws_col) - 1)) : plain
    }

    /// Removes the line.
    package func finish() { TerminalLine.clear() }

    private static func clock(_ seconds: Double) -> String {
        guard seconds < 360_000 else { return "more than 100 hours" }
        // Invariant: the time is below 100 hours, and never less than 0.
        let whole = Int(seconds.rounded(.up))
        func digits(_ value: Int) -> String { "\(value < 10 ? "0" : "")\(value)" }
        let minutes = whole < 3600 ? "\(whole / 60)" : "\(whole / 3600):\(digits(whole / 60 % 60))"
        return "\(minutes):\(digits(whole % 60))"
    }

    /// Seconds of a clock that never jumps.
    static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
