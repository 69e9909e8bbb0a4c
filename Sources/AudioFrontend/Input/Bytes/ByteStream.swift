internal import Glibc

/// Bytes from any descriptor: a file, standard input, a pipe, a FIFO, a socket.
///
/// Reads return the available bytes, without waiting for more. A byte on the `interrupt` descriptor ends the stream, so
/// that a signal stops a reader even while no bytes arrive.
package final class ByteStream {
    package let name: String
    /// The name of the file that was opened, if it was opened by its name.
    let file: FileName?
    let descriptor: Int32
    private let interrupt: Int32?
    private let owned: Bool
    /// Bytes that have been put back, and are read first.
    private var ahead: [UInt8] = []
    private var aheadPosition = 0
    /// Number of bytes from the descriptor.
    private var received: Int64 = 0
    /// The destination of a read.
    private var buffer: [UInt8] = []
    /// True for a FIFO until its first bytes: before a writer has opened it, a read would find its end.
    private var awaitsWriter: Bool
    /// Whether the interrupt has ended the stream, instead of the writer.
    package private(set) var isInterrupted = false
    /// Whether a read has found the end of a stream of bytes in memory.
    private(set) var hasEnded = false
    /// The size in bytes of a regular file, `nil` for a stream that cannot seek.
    let fileSize: Int64?

    package convenience init(descriptor: Int32, name: String, interrupt: Int32?, owned: Bool) {
        self.init(descriptor: descriptor, name: name, file: nil, interrupt: interrupt, owned: owned)
    }

    init(
        descriptor: Int32, name: String, file: FileName?, interrupt: Int32?, owned: Bool, awaitsWriter: Bool = false
    ) {
        self.descriptor = descriptor
        self.name = name
        self.file = file
        self.interrupt = interrupt
        self.owned = owned
        self.awaitsWriter = awaitsWriter
        var status = stat()
        let isRegular = unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        fileSize = isRegular ? Int64(status.st_size) : nil
    }

    /// A stream of these bytes alone.
    init(_ bytes: [UInt8], name: String) {
        descriptor = -1
        self.name = name
        file = nil
        interrupt = nil
        owned = false
        awaitsWriter = false
        fileSize = nil
        ahead = bytes
        received = Int64(bytes.count)
    }

    deinit { if owned { close(descriptor) } }

    /// Reads at most `count` bytes, at least one; none at the end.
    package func read(_ count: Int, into bytes: inout [UInt8]) throws(AudioError) -> Int {
        if aheadPosition < ahead.count {
            let taken = min(count, ahead.count - aheadPosition)
            bytes += ahead[aheadPosition..<aheadPosition + taken]
            aheadPosition += taken
            return taken
        }
        if isInterrupted { return 0 }
        if descriptor < 0 {
            hasEnded = true
            return 0
        }
        // Without an interrupt, the read itself waits.
        if interrupt != nil || awaitsWriter, try !waitForInput() { return 0 }
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: count) }
        while true {
            let got = unsafe Glibc.read(descriptor, &buffer, count)
            if got >= 0 {
                received += Int64(got)
                bytes += buffer[..<got]
                return got
            }
            switch errno {
            case EINTR: continue
            // A non-blocking descriptor is waited for, too.
            case EAGAIN: if try !waitForInput() { return 0 }
            default: throw AudioError(.read, "\(name): cannot read: \(FileOpening.systemError())")
            }
        }
    }

    /// Returns the first bytes without consuming them: as many as `count`, or fewer where the stream ends.
    func peek(_ count: Int) throws(AudioError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count, try read(count - bytes.count, into: &bytes) > 0 {}
        unread(bytes)
        return bytes
    }

    /// Consumes exactly `count` bytes, or returns `nil` where the stream ends before.
    func take(_ count: Int) throws(AudioError) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            if try read(count - bytes.count, into: &bytes) == 0 { return nil }
        }
        return bytes
    }

    /// Skips `count` bytes, without reading them if the stream can seek.
    /// - Returns: false where the stream ends before.
    func skip(_ count: Int64) throws(AudioError) -> Bool {
        if fileSize != nil {
            let position = position
            seek(to: position + count)
            return position + count <= fileEnd
        }
        var left = count
        var passed: [UInt8] = []
        while left > 0 {
            let got = try read(Int(min(left, 65_536)), into: &passed)
            guard got > 0 else { return false }
            left -= Int64(got)
            passed.removeAll(keepingCapacity: true)
        }
        return true
    }

    /// Puts bytes back in front of the stream.
    func unread(_ bytes: [UInt8]) {
        ahead = bytes + ahead[aheadPosition...]
        aheadPosition = 0
    }

    /// The byte offset of the next byte: in a regular file, or from the first byte of a stream.
    var position: Int64 {
        (fileSize == nil ? received : Int64(lseek(descriptor, 0, SEEK_CUR))) - Int64(ahead.count - aheadPosition)
    }

    /// The size in bytes of a regular file now, which may have grown since it was opened.
    var fileEnd: Int64 {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? Int64(status.st_size) : 0
    }

    /// Moves to an offset of a regular file.
    func seek(to offset: Int64) {
        ahead = []
        aheadPosition = 0
        lseek(descriptor, off_t(offset), SEEK_SET)
    }

    /// Returns false when the interrupt came first.
    private func waitForInput() throws(AudioError) -> Bool {
        // poll(2) ignores a negative descriptor.
        let interrupt = interrupt ?? -1
        while true {
            var waiting = (
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0)
            )
            let ready = unsafe withUnsafeMutableBytes(of: &waiting) { pair in
                unsafe poll(pair.assumingMemoryBound(to: pollfd.self).baseAddress, 2, -1)
            }
            if ready < 0 && errno == EINTR { continue }
            guard ready >= 0 else {
                throw AudioError(.read, "\(name): cannot wait for input: \(FileOpening.systemError())")
            }
            isInterrupted = waiting.1.revents != 0
            if awaitsWriter && !isInterrupted {
                awaitsWriter = false
                _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
            }
            return !isInterrupted
        }
    }
}
