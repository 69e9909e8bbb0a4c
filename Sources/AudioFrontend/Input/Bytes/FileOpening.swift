internal import Glibc

/// Opens files for reading by their names.
enum FileOpening {
    /// - Throws: ``AudioError`` `notFound` if the file does not exist or is a folder.
    static func open(_ file: FileName, interrupt: Int32?) throws(AudioError) -> ByteStream {
        func failure() -> AudioError {
            let (code, reason) = (errno, systemError())
            return AudioError(.notFound, "\(file): \(code == ENOENT ? pattern(file) ?? reason : reason)")
        }
        var status = stat()
        guard unsafe file.withCString({ unsafe stat($0, &status) }) == 0 else { throw failure() }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else { throw AudioError(.notFound, "\(file): is a folder, not a file") }
        guard kind != S_IFSOCK else {
            throw AudioError(
                .notFound, "\(file): is a socket, which cannot be opened like a file; connect a pipe to it")
        }
        // open(2) of a FIFO would wait for a writer and ignore the interrupt; the stream waits with poll(2) instead.
        let isFIFO = kind == S_IFIFO
        let flags = O_RDONLY | O_CLOEXEC | (isFIFO ? O_NONBLOCK : 0)
        let descriptor = unsafe file.withCString { unsafe Glibc.open($0, flags) }
        guard descriptor >= 0 else { throw failure() }
        return ByteStream(
            descriptor: descriptor, name: file.description, file: isFIFO ? nil : file, interrupt: interrupt,
            owned: true, awaitsWriter: isFIFO)
    }

    /// Returns the message for a missing file whose name is a pattern; nil for other names.
    private static func pattern(_ file: FileName) -> String? {
        guard file.bytes.contains(where: { "*?[".utf8.contains($0) }) else { return nil }
        var matches = unsafe glob_t()
        defer { unsafe globfree(&matches) }
        let isMatched = unsafe file.withCString { unsafe glob($0, 0, nil, &matches) } == 0
        return isMatched
            ? "there is no file of this name; as a pattern it is replaced on the command line alone"
            : "there is no file of this name, and none that it matches as a pattern"
    }

    /// The message of the last failed system call.
    static func systemError() -> String { unsafe String(cString: strerror(errno)) }
}
