internal import Glibc

/// Bytes from a descriptor that need not be seekable: standard input, a pipe, a FIFO, a socket.
///
/// Reads return what there is, without waiting for more. A byte on the `interrupt` descriptor ends the stream, so that a signal
/// stops a reader that waits for a silent microphone.
package final class ByteStream {
    package let name: String
    private let descriptor: Int32
    private let interrupt: Int32?
    private let owned: Bool
    /// Bytes that were read to find out what the stream is, and are read again.
    private var ahead: [UInt8] = []
    /// Where a read arrives.
    private var buffer: [UInt8] = []
    /// Whether the interrupt, and not the writer, has ended the stream.
    package private(set) var isInterrupted = false

    package init(descriptor: Int32, name: String, interrupt: Int32?, owned: Bool) {
        self.descriptor = descriptor
        self.name = name
        self.interrupt = interrupt
        self.owned = owned
    }

    deinit { if owned { close(descriptor) } }

    /// Reads at most `count` bytes, at least one; none at the end.
    package func read(_ count: Int, into bytes: inout [UInt8]) throws(AudioError) -> Int {
        if !ahead.isEmpty {
            let taken = min(count, ahead.count)
            bytes += ahead[..<taken]
            ahead.removeFirst(taken)
            return taken
        }
        // Without an interrupt, the read itself waits.
        if interrupt != nil, try !waitForInput() { return 0 }
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: count) }
        while true {
            let got = unsafe Glibc.read(descriptor, &buffer, count)
            if got >= 0 {
                bytes += buffer[..<got]
                return got
            }
            switch errno {
            case EINTR: continue
            // A descriptor that does not block is waited for all the same.
            case EAGAIN: if try !waitForInput() { return 0 }
            default: throw AudioError(.read, "\(name): cannot read: \(SoundFile.systemError())")
            }
        }
    }

    /// Looks at the first bytes without consuming them: as many as `count`, or fewer where the stream ends.
    func peek(_ count: Int) throws(AudioError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count, try read(count - bytes.count, into: &bytes) > 0 {}
        ahead = bytes + ahead
        return bytes
    }

    /// Exactly `count` bytes, or nil where the stream ends before.
    func take(_ count: Int) throws(AudioError) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            if try read(count - bytes.count, into: &bytes) == 0 { return nil }
        }
        return bytes
    }

    /// Puts bytes back in front of the stream.
    func unread(_ bytes: [UInt8]) { ahead = bytes + ahead }

    /// False when the interrupt came first.
    private func waitForInput() throws(AudioError) -> Bool {
        // poll(2) passes over a negative descriptor.
        let interrupt = interrupt ?? -1
        while true {
            var waiting = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0),
            ]
            let ready = unsafe poll(&waiting, 2, -1)
            if ready < 0 && errno == EINTR { continue }
            guard ready >= 0 else {
                throw AudioError(.read, "\(name): cannot wait for input: \(SoundFile.systemError())")
            }
            isInterrupted = waiting[1].revents != 0
            return !isInterrupted
        }
    }
}
