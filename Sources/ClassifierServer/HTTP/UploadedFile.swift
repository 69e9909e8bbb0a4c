package import AudioClassifier
internal import Glibc
internal import Synchronization

/// An upload while it comes: the body of a request, or the first file of a form in it. Only the threads of
/// ``FileClassification`` parse and store it.
final class Upload: Sendable {
    private struct State: ~Copyable {
        var form: MultipartReader?
        var file: UploadedFile?
    }

    private let state: Mutex<State>

    init(contentType: String) {
        state = Mutex(State(form: MultipartReader(contentType: contentType), file: nil))
    }

    func append(_ bytes: [UInt8]) throws {
        try state.withLock { state in
            let part = try state.form?.push(bytes) ?? bytes
            if state.file == nil { state.file = try UploadedFile() }
            try state.file?.append(part)
        }
    }

    /// Returns the descriptor of the complete file at its first byte. The caller owns it and must close it.
    func release() throws -> Int32 {
        try state.withLock { state in
            if let form = state.form, !form.hasFile || !form.isComplete {
                throw MultipartReader.Malformed(
                    message: form.hasFile
                        ? "the form is incomplete" : "the form has no file: curl -F file=@recording.wav ...")
            }
            let file = try state.file.take() ?? UploadedFile()
            return file.release()
        }
    }

    /// Returns the bytes of a complete body that is no form.
    func contents() throws -> [UInt8] {
        try state.withLock { state in
            let file = try state.file.take() ?? UploadedFile()
            return try file.contents()
        }
    }
}

/// An uploaded audio file in an unnamed temporary file, so that no part of a request becomes a path.
package struct UploadedFile: ~Copyable {
    package let descriptor: Int32
    package private(set) var count = 0

    package init() throws(ClassifierError) {
        guard let file = unsafe tmpfile() else { throw Self.failure(errno) }
        defer { unsafe fclose(file) }
        let copy = unsafe fcntl(fileno(file), F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw Self.failure(errno) }
        descriptor = copy
    }

    deinit { close(descriptor) }

    package mutating func append(_ bytes: [UInt8]) throws(ClassifierError) {
        do { try writeAll(bytes, to: descriptor) } catch { throw Self.failure(error.number) }
        count += bytes.count
    }

    /// Returns all bytes of the file.
    package func contents() throws(ClassifierError) -> [UInt8] {
        guard let bytes = FileAccess.contents(of: descriptor) else { throw Self.failure(errno) }
        return bytes
    }

    /// Returns the descriptor at the first byte. The caller owns it and must close it.
    package consuming func release() -> Int32 {
        lseek(descriptor, 0, SEEK_SET)
        let result = descriptor
        discard self
        return result
    }

    private static func failure(_ number: Int32) -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "storage",
            "the file cannot be stored: \(unsafe String(cString: strerror(number))); is the temporary folder full?"
        )
    }
}
