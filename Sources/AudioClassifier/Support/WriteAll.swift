internal import Glibc

/// A write that the system refused.
package struct WriteFailure: Error, CustomStringConvertible {
    /// The system's error number.
    package let number: Int32
    /// Bytes that were written before.
    package let written: Int

    /// Whether the reader of a pipe or a socket has closed it.
    package var isReaderGone: Bool { number == EPIPE }

    package var description: String { unsafe String(cString: strerror(number)) }
}

/// Writes all bytes. A descriptor that does not block is waited for.
/// - Throws: ``WriteFailure`` at the first byte that cannot be written.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(WriteFailure) {
    var written = 0
    while written < bytes.count {
        let count = unsafe bytes.withUnsafeBytes {
            unsafe write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
        }
        if count > 0 {
            written += count
        } else if count < 0 && errno == EAGAIN {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = unsafe poll(&waiting, 1, -1)
        } else if count == 0 || errno != EINTR {
            throw WriteFailure(number: count == 0 ? ENOSPC : errno, written: written)
        }
    }
}

/// Writes all bytes of a text as UTF-8.
package func writeAll(_ text: String, to descriptor: Int32) throws(WriteFailure) {
    try writeAll(Array(text.utf8), to: descriptor)
}
