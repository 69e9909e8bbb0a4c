internal import AudioClassifier
internal import Glibc

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

    /// Whether no program has the socket open any more.
    private static func isStale(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        unsafe withUnsafeMutableBytes(of: &target.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count + 1)
        let result = unsafe withUnsafePointer(to: &target) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, length) }
        }
        // Any other error, as a full backlog or a socket of another type, comes from a socket that is open.
        return result != 0 && (errno == ECONNREFUSED || errno == ENOENT)
    }
}
