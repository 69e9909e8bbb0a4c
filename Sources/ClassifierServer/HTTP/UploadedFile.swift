internal import AudioClassifier
internal import Glibc

/// A client's audio file, in a file without a name: what comes in a request never chooses where it is kept.
struct UploadedFile: ~Copyable {
    let descriptor: Int32
    private(set) var count = 0

    init() throws(ClassifierError) {
        guard let file = unsafe tmpfile() else { throw Self.failure() }
        defer { unsafe fclose(file) }
        let copy = unsafe fcntl(fileno(file), F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw Self.failure() }
        descriptor = copy
    }

    deinit { close(descriptor) }

    mutating func append(_ bytes: [UInt8]) throws(ClassifierError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw Self.failure() }
            rest = rest.dropFirst(written)
        }
        count += bytes.count
    }

    /// Back to the first byte, for a reader. The descriptor is the caller's from now on.
    consuming func release() -> Int32 {
        lseek(descriptor, 0, SEEK_SET)
        let result = descriptor
        discard self
        return result
    }

    private static func failure() -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "storage",
            "the file cannot be kept: \(unsafe String(cString: strerror(errno))); is there room in the temporary folder?"
        )
    }
}
