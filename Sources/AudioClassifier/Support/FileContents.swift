internal import Glibc

/// Reads whole small files.
package enum FileContents {
    /// A file that cannot be read, with the reason.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Bounds of a reading: a device never ends, and a pipe may have no writer.
    package struct Bounds: Sendable {
        package let bytes: Int
        /// Seconds without a byte after which a pipe is given up; nil for any time.
        package let seconds: Int?

        package static let none = Bounds(bytes: .max, seconds: nil)
        /// Those of a file of settings, which a running service reads again.
        package static let settings = Bounds(bytes: 16 << 20, seconds: 5)
    }

    package static func bytes(of path: String, _ bounds: Bounds = .none) throws(Failure) -> [UInt8] {
        let wait = bounds.seconds == nil ? 0 : O_NONBLOCK
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | wait)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let seconds = bounds.seconds, try !isReady(file, seconds) {
                throw Failure(description: "nothing came within \(seconds) seconds, and it may have no writer")
            }
            let count = unsafe read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            if count < 0 { throw failure() }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            if bytes.count > bounds.bytes {
                let size = bounds.bytes < 1 << 20 ? "\(bounds.bytes) bytes" : "\(bounds.bytes >> 20) MiB"
                throw Failure(description: "it has more than \(size)")
            }
        }
    }

    /// The contents of a file in UTF-8.
    package static func text(of path: String, _ bounds: Bounds = .none) throws(Failure) -> String {
        guard let text = String(validating: try bytes(of: path, bounds), as: UTF8.self) else {
            throw Failure(description: "it is not UTF-8")
        }
        return text
    }

    /// Waits until there are bytes or the end. A signal ends the wait.
    private static func isReady(_ file: Int32, _ seconds: Int) throws(Failure) -> Bool {
        var wanted = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        let count = unsafe poll(&wanted, 1, Int32(clamping: seconds * 1000))
        if count < 0 { throw failure() }
        return count > 0
    }

    private static func failure() -> Failure { Failure(description: unsafe String(cString: strerror(errno))) }
}
