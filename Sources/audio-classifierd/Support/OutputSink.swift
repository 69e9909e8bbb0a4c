internal import AudioClassifier
internal import Glibc
internal import Synchronization

/// Standard output as a sequence of whole lines, each written at once.
package final class OutputSink: Sendable {
    /// The reader has gone away: nothing is wrong, there is just nobody to tell.
    package struct ReaderGone: Error {}

    private let descriptor: Int32
    private let written = Mutex(0)

    package init(descriptor: Int32 = 1) {
        self.descriptor = descriptor
        // A write to a closed pipe then fails with EPIPE, where it can be handled, and not with a signal.
        signal(SIGPIPE, SIG_IGN)
    }

    /// - Throws: ``ReaderGone``, or ``ClassifierError`` `inputOutput` where the system refuses (a full disk).
    package func write(_ lines: [String]) throws {
        guard !lines.isEmpty else { return }
        let bytes = lines.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }
        try written.withLock { written in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
                if count < 0 && errno == EPIPE { throw ReaderGone() }
                guard count > 0 else {
                    throw ClassifierError(
                        .inputOutput, code: "write",
                        "standard output: \(unsafe String(cString: strerror(errno))) after \(written) lines; they are whole"
                    )
                }
                rest = rest.dropFirst(count)
            }
            written += lines.count
        }
    }
}
