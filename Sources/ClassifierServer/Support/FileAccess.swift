internal import FoundationEssentials
internal import Glibc

/// The paths of the service's files: whether it may write there, whether two of them are one file, and what is in them.
package enum FileAccess {
    /// Returns the reason why no file can be made in a folder now, with the remedy; nil if one can.
    static func fault(ofMakingIn folder: String) -> String? {
        let kind = kind(of: folder)
        guard kind != nil || errno != ENOENT else { return "there is no folder \(folder); make it" }
        guard kind == nil || kind == S_IFDIR else { return "\(folder) is no folder; choose another one" }
        guard unsafe access(folder, W_OK | X_OK) != 0 else { return nil }
        return "the folder \(folder) is not writable for the service's user (\(reason())); "
            + "change its owner or its mode, or choose another folder"
    }

    /// Returns the reason why nothing can be appended to a file now, with the remedy; nil if something can.
    static func fault(ofAppendingTo path: String) -> String? {
        guard kind(of: path) != nil else { return fault(ofMakingIn: folder(of: path)) }
        guard unsafe access(path, W_OK) != 0 else { return nil }
        return "the file is not writable for the service's user (\(reason())); "
            + "change its owner or its mode, or choose another file"
    }

    /// Returns the reason why a program cannot be started now, with the remedy; nil if it can.
    /// - Parameter program: a path, or a name without a slash, which is looked for in the folders of PATH.
    static func fault(ofStarting program: String) -> String? {
        func canStart(_ path: String) -> Bool { unsafe kind(of: path) == S_IFREG && access(path, X_OK) == 0 }
        if program.contains("/") {
            guard !canStart(program) else { return nil }
            return "\(program) is no program that the service's user can start; correct its path or its mode"
        }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/bin:/usr/bin").split(separator: ":")
        guard !folders.contains(where: { canStart("\($0)/\(program)") }) else { return nil }
        return "there is no program \"\(program)\" in the folders of PATH; install it, or give its whole path"
    }

    /// Returns the folder itself, or the nearest one above it that exists.
    static func existing(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        while !FileManager.default.fileExists(atPath: path), case let parent = folder(of: path), parent != path {
            path = parent
        }
        return path
    }

    /// Returns the type of the file at the end of all links; nil with the reason in `errno` if there is none.
    static func kind(of path: String) -> mode_t? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    /// Reads a regular file.
    /// - Returns: nil with the reason in `errno` for anything else, and for a file that cannot be read.
    package static func contents(of path: String) -> [UInt8]? {
        // Without O_NONBLOCK, opening a FIFO would wait for its writer.
        let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard identity(of: descriptor) != nil else {
            errno = EOPNOTSUPP
            return nil
        }
        return contents(of: descriptor)
    }

    /// Reads an open regular file from its first byte on.
    /// - Returns: nil with the reason in `errno` if it cannot be read.
    static func contents(of descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    static func folder(of path: String) -> String { URL(filePath: path).deletingLastPathComponent().path }

    /// The identity of a file, the same for all its paths.
    enum Identity: Hashable {
        case file(device: UInt64, inode: UInt64)
        /// A file that is not there yet, by its name in the folder behind all links.
        case name(String)
    }

    /// Returns the identity of the file of a path.
    static func identity(of path: String) -> Identity {
        var status = stat()
        if unsafe stat(path, &status) == 0 { return identity(status) }
        let url = URL(filePath: path).standardizedFileURL
        let folder = url.deletingLastPathComponent().path
        guard let resolved = unsafe realpath(folder, nil) else { return .name(url.path) }
        defer { unsafe free(resolved) }
        return .name(unsafe String(cString: resolved) + "/" + url.lastPathComponent)
    }

    /// Returns the identity of the regular file behind a descriptor; nil for anything else.
    static func identity(of descriptor: Int32) -> Identity? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return identity(status)
    }

    private static func identity(_ status: stat) -> Identity {
        .file(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
