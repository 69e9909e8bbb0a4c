internal import AudioClassifier
internal import Glibc

/// Listening sockets that another process, for example systemd, has opened for this one (sd_listen_fds(3)). They
/// outlive the service, so that clients wait during its restart instead of being refused.
struct ActivatedSockets: Sendable {
    struct Socket: Sendable {
        let descriptor: Int32
        let address: ListenAddress
    }

    /// Sockets by purpose: `http`, `tcp` or `unix`.
    private(set) var byName: [String: Socket] = [:]

    private static let names = ["http", "tcp", "unix"]
    /// Descriptor of the first socket.
    private static let first: Int32 = 3

    /// Takes over the sockets of this process's environment.
    /// - Throws: ``ClassifierError`` if the purpose of a socket is not clear or it does not listen.
    init() throws(ClassifierError) {
        // An inherited environment names the parent's sockets.
        guard Self.variable("LISTEN_PID") == "\(getpid())",
            let count = Self.variable("LISTEN_FDS").flatMap({ Int32($0) })
        else { return }
        let named = (Self.variable("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        for index in 0..<max(0, min(count, 1024)) {
            let descriptor = Self.first + index
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            var name = Int(index) < named.count ? String(named[Int(index)]) : ""
            // A single unnamed socket is taken for HTTP, the most common one.
            if count == 1 && !Self.names.contains(name) { name = "http" }
            guard Self.names.contains(name), byName[name] == nil else {
                throw Self.wrong(
                    "is called \"\(name)\"", "FileDescriptorName= is http, tcp or unix, each for one socket")
            }
            byName[name] = Socket(descriptor: descriptor, address: try Self.address(descriptor))
        }
    }

    private static func address(_ descriptor: Int32) throws(ClassifierError) -> ListenAddress {
        var isListening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0, isListening != 0
        else {
            throw wrong("does not listen", "it needs ListenStream= and Accept=no")
        }
        var storage = sockaddr_storage()
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let hasAddress = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(descriptor, address, &length) == 0
            }
        }
        let isUnix = Int32(storage.ss_family) == AF_UNIX
        let isNamed = unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getnameinfo(
                    address, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0
            }
        }
        guard hasAddress && (isUnix || isNamed) else {
            throw wrong("has no address", "it needs ListenStream= with an address or a path")
        }
        if isUnix {
            let offset = MemoryLayout<sa_family_t>.size
            let bytes = unsafe withUnsafeBytes(of: &storage) {
                unsafe Array($0[offset..<max(offset, min(Int(length), $0.count))])
            }
            return .unix(path: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
        }
        func text(_ characters: [CChar]) -> String {
            String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return .network(host: text(host), port: Int(text(port)) ?? 0)
    }

    private static func wrong(_ fault: String, _ remedy: String) -> ClassifierError {
        ClassifierError(
            .configuration, code: "listen", "a socket from the service manager (LISTEN_FDS) \(fault); \(remedy)")
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
