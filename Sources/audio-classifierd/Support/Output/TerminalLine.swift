internal import Glibc
internal import Synchronization

/// The line of progress on the terminal. All other output to the terminal removes it first.
enum TerminalLine {
    private static let isShown = Mutex(false)

    /// Shows the text in place of the present line.
    static func show(_ text: String) {
        isShown.withLock { isShown in
            StandardError.write("\r\u{1B}[K\(text)")
            isShown = true
        }
    }

    /// Removes the line, if there is one.
    static func clear() { clear {} }

    /// Removes the line, then writes.
    static func clear<Failure: Error>(_ write: () throws(Failure) -> Void) throws(Failure) {
        try isShown.withLock { isShown throws(Failure) in
            if isShown { StandardError.write("\r\u{1B}[K") }
            isShown = false
            try write()
        }
    }
}
