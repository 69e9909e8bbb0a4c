import AudioFrontend
import Glibc

extension FileName {
    /// Makes a name of a C function's bytes up to the zero.
    @unsafe init(cString: UnsafePointer<CChar>) {
        self.init(
            bytes: unsafe UnsafeBufferPointer(start: cString, count: strlen(cString)).map(UInt8.init(bitPattern:)))
    }

    /// The status of the file at the end of all links; nil for a missing file.
    var status: stat? {
        var status = stat()
        return unsafe withCString { unsafe stat($0, &status) } == 0 ? status : nil
    }

    var exists: Bool { status != nil }

    var isFolder: Bool { status.map { $0.st_mode & S_IFMT == S_IFDIR } ?? false }

    /// Whether the name leads to a file with an end: no folder, FIFO, socket or device.
    var isRegularFile: Bool { status.map { $0.st_mode & S_IFMT == S_IFREG } ?? false }

    /// Whether the name leads to a FIFO, which has a beginning only when a program writes into it.
    var isPipe: Bool { status.map { $0.st_mode & S_IFMT == S_IFIFO } ?? false }

    /// Whether both names lead to the same file, through any links.
    func isSameFile(as other: FileName) -> Bool {
        if let status { return other.status.map { FileIdentity(status) == FileIdentity($0) } ?? false }
        // Files that are not there yet: the same name in the same folder.
        guard entry == other.entry, !entry.bytes.isEmpty, !other.exists, folder.exists else { return false }
        return folder.isSameFile(as: other.folder)
    }

    /// Whether the name is that of a symbolic link.
    var isLink: Bool {
        var status = stat()
        return unsafe withCString { unsafe lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// Whether standard output is written to this file.
    var isStandardOutput: Bool {
        var output = stat()
        guard let status, unsafe fstat(STDOUT_FILENO, &output) == 0 else { return false }
        return FileIdentity(status) == FileIdentity(output)
    }

    /// The part of the name after the last slash.
    var entry: FileName { FileName(bytes: bytes.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []) }

    /// The folder that the file is in.
    var folder: FileName {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == 0 ? "/" : FileName(bytes: Array(bytes[..<slash]))
    }

    /// All bytes of the file; nil if it cannot be read.
    var contents: [UInt8]? {
        guard let file = unsafe withCString({ unsafe fopen($0, "re") }) else { return nil }
        defer { unsafe fclose(file) }
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&chunk, 1, chunk.count, file)
            contents += chunk[..<count]
            // A device may have no end.
            guard contents.count <= 1 << 28 || isRegularFile else {
                errno = EFBIG
                return nil
            }
            guard count == chunk.count else { return unsafe ferror(file) == 0 ? contents : nil }
        }
    }
}

/// A file or a folder as the system knows it, whatever its names.
struct FileIdentity: Sendable, Hashable {
    private let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }
}

extension stat {
    /// Nanoseconds of the last change since 1970. A damaged time far in the future wraps.
    var changed: Int { Int(st_mtim.tv_sec) &* 1_000_000_000 &+ Int(st_mtim.tv_nsec) }
}
