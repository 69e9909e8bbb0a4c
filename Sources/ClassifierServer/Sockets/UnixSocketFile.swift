internal import AudioClassifier
internal import Glibc
internal import NIOCore

/// The file of a Unix socket to listen on.
enum UnixSocketFile {
    /// Checks that no other program uses the file. The socket of a service that was killed may be replaced.
    /// - Throws: ``ClassifierError`` `listen` for a socket on which a program listens, and for any other file.
    static func check(_ address: ListenAddress) throws(ClassifierError) {
        guard let fault = fault(address) else { return }
        throw ClassifierError(
            .unavailable, code: "listen",
            "cannot listen on \(address): \(fault), or choose another path with listen")
    }

    /// Returns the reason why the service would not listen at a path, with a remedy; nil if it would.
    static func fault(_ address: ListenAddress) -> String? {
        guard case .unix(let path) = address else { return nil }
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        guard status.st_mode & S_IFMT == S_IFSOCK else { return "there is a file that is no socket; move it" }
        return isStale(path) ? nil : "another program listens there; stop it"
    }

    /// Makes a socket that listens at a path, in place of a stale one. The mode of its file decides about access: owner
    /// and group alone. The file begins with the mode of the socket less the process's mask, so that at no time others
    /// may connect. The mask, which all threads share, stays as it is.
    /// - Returns: the descriptor.
    static func bind(_ path: String) throws(IOError) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        var status = stat()
        if unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { _ = unsafe unlink(path) }
        guard fchmod(descriptor, 0o660) == 0,
            unsafe withAddress(of: path, { unsafe Glibc.bind(descriptor, $0, $1) }) == 0,
            unsafe chmod(path, 0o660) == 0, listen(descriptor, 4096) == 0
        else {
            let code = errno
            close(descriptor)
            throw IOError(errnoCode: code, reason: "bind")
        }
        return descriptor
    }

    /// The file at a path, which another one may replace.
    struct Identity: Sendable, Equatable {
        let device: dev_t
        let number: ino_t
    }

    /// Returns the identity of the file at a path; nil if there is none.
    static func identity(of path: String) -> Identity? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? Identity(device: status.st_dev, number: status.st_ino) : nil
    }

    /// Removes a socket from the file system unless another file has taken its place.
    static func remove(_ path: String, _ identity: Identity?) {
        if identity != nil, Self.identity(of: path) == identity { _ = unsafe unlink(path) }
    }

    /// Calls `body` with the address of a path, which the configuration has found short enough.
    private static func withAddress(of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name.prefix($0.count - 1)) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count + 1)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    /// Whether no program has the socket open any more.
    private static func isStale(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let result = unsafe withAddress(of: path) { unsafe connect(descriptor, $0, $1) }
        // Any other error, as a full backlog or a socket of another type, comes from a socket that is open.
        return result != 0 && (errno == ECONNREFUSED || errno == ENOENT)
    }
}
