internal import Glibc

/// A client of a socket with time-outs.
final class Socket {
    private let descriptor: Int32

    /// Loopback.
    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        if var size = receiveBuffer {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw ChildProcess.Failure(description: "cannot connect to port \(port): \(errno)") }
        prepare()
    }

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw ChildProcess.Failure(description: "cannot connect to \(path): \(errno)") }
        prepare()
    }

    deinit { close(descriptor) }

    private func prepare() {
        signal(SIGPIPE, SIG_IGN)
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { throw ChildProcess.Failure(description: "cannot send: error \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends zeros piece by piece until an answer comes, and one more piece then.
    func sendUntilAnswered(atMost count: Int, piece: Int = 1000) throws {
        var answer = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        for _ in 0..<count / piece {
            let isAnswered = unsafe poll(&answer, 1, 2) > 0
            try send([UInt8](repeating: 0, count: piece))
            if isAnswered { return }
        }
    }

    /// Ends sending; receiving continues.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes with a reset.
    func vanish() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Receives at least one byte; none at the end.
    func receive(atMost count: Int = 65536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = unsafe recv(descriptor, &buffer, count, 0)
        if got < 0 && errno == ECONNRESET { return [] }
        guard got >= 0 else { throw ChildProcess.Failure(description: "nothing comes: error \(errno)") }
        return Array(buffer[..<got])
    }

    func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while case let bytes = try receive(), !bytes.isEmpty { all += bytes }
        return all
    }
}

/// A reader of lines.
struct LineReader {
    let socket: Socket
    private var buffer: [UInt8] = []

    init(_ socket: Socket) { self.socket = socket }

    /// Returns the next line; nil at the end.
    mutating func next() throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeFirst(end + 1) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            let bytes = try socket.receive()
            if bytes.isEmpty { return nil }
            buffer += bytes
        }
    }
}
