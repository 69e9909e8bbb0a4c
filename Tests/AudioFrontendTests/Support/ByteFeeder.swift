import Dispatch
import Foundation
import Glibc
import Synchronization

/// Writes bytes into a pipe from another thread, in pieces of a given size, as another program would.
final class ByteFeeder: Sendable {
    enum Channel {
        /// `pipe(2)`: a reader gets all buffered bytes.
        case pipe
        /// A socket that keeps pieces apart: every read gets one piece, so that the cuts are exactly those of the test.
        /// A piece that is longer than the read is cut off, so it is only for raw PCM, which has long reads.
        case packets
    }

    /// The reading end. Its reader closes it.
    let descriptor: Int32
    private let written = Mutex(0)
    private let done = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - chunk: bytes a write; nil for one write of everything.
    ///   - keepsOpen: after the last byte, wait for the reader to go instead of ending the stream.
    convenience init(
        _ bytes: [UInt8], chunk: Int? = nil, through channel: Channel = .pipe, keepsOpen: Bool = false
    ) throws {
        var ends: [Int32] = [-1, -1]
        let made =
            switch channel {
            case .pipe: unsafe pipe(&ends)
            case .packets: unsafe socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends)
            }
        guard made == 0 else { throw POSIXError(.EMFILE) }
        let target = ends[1]
        self.init(bytes, chunk: chunk, reader: ends[0], keepsOpen: keepsOpen) { target }
    }

    /// Writes into an existing FIFO, once it is opened for reading.
    convenience init(_ bytes: [UInt8], chunk: Int, fifo path: String) {
        self.init(bytes, chunk: chunk, reader: -1) { unsafe open(path, O_WRONLY) }
    }

    /// Writes into `descriptor`, and closes it, after a number of seconds.
    convenience init(_ bytes: [UInt8], into descriptor: Int32, after seconds: Double) {
        self.init(bytes, chunk: nil, reader: -1) {
            usleep(UInt32(seconds * 1e6))
            return descriptor
        }
    }

    private init(
        _ bytes: [UInt8], chunk: Int?, reader: Int32, keepsOpen: Bool = false, open: @escaping @Sendable () -> Int32
    ) {
        // A reader that closes its end must make the write fail, not end the process.
        signal(SIGPIPE, SIG_IGN)
        descriptor = reader
        Thread.detachNewThread { [self] in
            let target = open()
            let count = Self.write(bytes, to: target, chunk: chunk ?? max(bytes.count, 1))
            written.withLock { $0 = count }
            if keepsOpen {
                var ended = pollfd(fd: target, events: 0, revents: 0)
                _ = unsafe poll(&ended, 1, 10_000)
            }
            close(target)
            done.signal()
        }
    }

    /// Waits for the writer's end.
    /// - Returns: the number of written bytes: all of them unless the reader closed its end.
    func finish() -> Int {
        done.wait()
        done.signal()
        return written.withLock { $0 }
    }

    /// - Returns: the number of bytes that were written before the other end was closed.
    static func write(_ bytes: [UInt8], to descriptor: Int32, chunk: Int) -> Int {
        var position = 0
        while position < bytes.count {
            let count = min(chunk, bytes.count - position)
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + position }, count)
            }
            if sent < 0 && errno == EINTR { continue }
            guard sent > 0 else { break }
            position += sent
        }
        return position
    }
}
