internal import AudioClassifier
internal import AudioFrontend
internal import Glibc

/// Reads a growing file like `tail -F`, without waiting. A new file under the path is read after the rest of the old
/// one, and a truncated file is read from its beginning.
struct FileFollower: ~Copyable {
    enum Notification {
        /// There are no new bytes.
        case nothing
        /// There is no file, for the first time since there was one.
        case missing
        case bytes([UInt8])
        /// A file begins, with the header of a WAV file or, for nil, with raw PCM.
        case began(WaveFormat?)
        /// The file was truncated: it is read from its beginning.
        case cut
        /// The writer of a truncated file has gone on where it was, and left a hole: the file is read from the byte
        /// behind it, in the format that it had.
        case hole(upTo: Int64)
    }

    private let path: String
    private let fromStart: Bool
    private let rawFrameBytes: Int
    private(set) var frameBytes: Int
    private var descriptor: Int32 = -1
    private var offset: off_t = 0
    private var isDescribed = false
    /// Byte offset of the first sample.
    private var audioOffset: off_t = 0
    /// Byte offset that had been read when the file was truncated, until its new beginning is known.
    private var cutOffset: off_t?
    /// Byte offset at which reading of the first file resumes.
    private var resumption: off_t?
    /// Whether the last notification about the file was that there is none.
    private var isMissing = false
    /// Whether no file has been read yet; existing audio is skipped in the first file only.
    private var isFirst = true

    /// Bytes of one read.
    private static let piece = 1 << 16
    /// Size of a file from which an unreadable WAV header is an error instead of an incomplete one.
    private static let longestHeader = 1 << 20
    /// The search for the next data behind a hole (lseek(2)); Glibc's Swift module lacks its name.
    private static let seekData: Int32 = 3
    /// Number of bytes that identify a WAV file.
    private static let magic = 12

    /// - Parameters:
    ///   - fromStart: whether existing audio is read; otherwise reading begins at the end of the file.
    ///   - frameBytes: bytes of one raw PCM sample of all channels.
    init(_ path: String, fromStart: Bool, frameBytes: Int) {
        self.path = path
        self.frameBytes = frameBytes
        rawFrameBytes = frameBytes
        self.fromStart = fromStart
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Returns the next bytes or the begin of a file.
    /// - Throws: ``ClassifierError`` if the path cannot be read or is no regular file; another call tries again.
    mutating func next() throws(ClassifierError) -> Notification {
        if descriptor < 0 {
            guard try open() else {
                defer { isMissing = true }
                return isMissing ? .nothing : .missing
            }
            isMissing = false
        }
        let status = try status()
        if status.st_size < offset {
            if isDescribed { cutOffset = offset }
            (offset, isDescribed) = (0, false)
            return .cut
        }
        if let end = endOfHole(status) { return .hole(upTo: Int64(end)) }
        if !isDescribed, let begun = try describe(status) { return begun }
        if isDescribed, let bytes = try read() { return .bytes(bytes) }
        guard isReplaced(status) else { return .nothing }
        // Bytes that were written to the old file since the last read.
        if isDescribed, let bytes = try read() { return .bytes(bytes) }
        close(descriptor)
        descriptor = -1
        return .nothing
    }

    /// Makes reading of the first file begin at a byte offset.
    mutating func resume(at byte: Int64) { resumption = off_t(byte) }

    /// Returns the resume point of a sample that lies a number of bytes before the next read.
    /// - Parameter eventPart: the part of the identities of the stream's events.
    /// - Returns: nil if there is no file or it cannot be read.
    func resumePoint(of sample: Int64, before bytes: Int, eventPart: String?) -> ResumePoint? {
        guard descriptor >= 0 else { return nil }
        return ResumePoint(
            descriptor, path: path, audioOffset: Int64(audioOffset), frameBytes: frameBytes, sample: sample,
            offset: Int64(offset) - Int64(bytes), eventPart: eventPart)
    }

    /// Makes the next read begin at a whole frame, of which the last one may have brought a part.
    mutating func unreadPart() {
        // Invariant: both offsets are those of bytes in the file, and a frame has a byte at least.
        if isDescribed, offset > audioOffset { offset -= (offset - audioOffset) % off_t(frameBytes) }
    }

    /// Makes the next read return the last bytes again.
    mutating func unread(_ count: Int) { offset -= off_t(count) }

    /// - Returns: false if there is no such file yet.
    private mutating func open() throws(ClassifierError) -> Bool {
        // Without O_NONBLOCK, opening a FIFO would wait for its writer.
        descriptor = unsafe Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw failure("cannot be opened") }
            isFirst = false
            return false
        }
        guard try status().st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            descriptor = -1
            throw ClassifierError(
                .noInput, code: "source", "is no regular file; to read a pipe, use a command: [cat, \(path)]")
        }
        (offset, isDescribed, cutOffset) = (0, false, nil)
        return true
    }

    /// Skips the hole at the beginning of a truncated file whose writer does not append but goes on at its own offset,
    /// as copytruncate of logrotate(8) leaves it. Its bytes are zeros that nobody has written.
    /// - Returns: the offset at which reading goes on; nil without a hole, as on file systems that have none.
    private mutating func endOfHole(_ status: stat) -> off_t? {
        guard let cut = cutOffset, status.st_size >= Self.magic else { return nil }
        cutOffset = nil
        let data = lseek(descriptor, 0, Self.seekData)
        guard status.st_size >= cut, data > 0 else { return nil }
        // Invariant: both offsets are those of bytes in the file, and a frame has a byte at least.
        offset = audioOffset + max(0, max(cut, data) - audioOffset) / off_t(frameBytes) * off_t(frameBytes)
        isDescribed = true
        return offset
    }

    private mutating func describe(_ status: stat) throws(ClassifierError) -> Notification? {
        guard status.st_size >= Self.magic else { return nil }
        let wave: WaveFormat?
        do { wave = try WaveFormat.read(descriptor, name: path) } catch {
            // The header of a small file may be incomplete.
            guard status.st_size > Self.longestHeader else { return nil }
            throw ClassifierError(error)
        }
        audioOffset = off_t(wave?.offset ?? 0)
        offset = audioOffset
        frameBytes = wave.map { $0.format.bytesPerSample * $0.channels } ?? rawFrameBytes
        if isFirst, let resumption {
            offset = max(offset, resumption)
        } else if isFirst && !fromStart {
            let frame = off_t(frameBytes)
            offset += max(0, status.st_size - offset) / frame * frame
        }
        isDescribed = true
        isFirst = false
        return .began(wave)
    }

    private mutating func read() throws(ClassifierError) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: Self.piece)
        let count = unsafe pread(descriptor, &buffer, buffer.count, offset)
        guard count >= 0 else { throw failure("cannot be read") }
        guard count > 0 else { return nil }
        offset += off_t(count)
        return Array(buffer[..<count])
    }

    private func status() throws(ClassifierError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("cannot be examined") }
        return status
    }

    /// Whether the path is another file now. Without a file at the path, the old one is still followed.
    private func isReplaced(_ old: stat) -> Bool {
        var new = stat()
        guard unsafe stat(path, &new) == 0 else { return false }
        return new.st_ino != old.st_ino || new.st_dev != old.st_dev
    }

    private func failure(_ what: String) -> ClassifierError {
        ClassifierError(.inputOutput, code: "source", "\(what): \(unsafe String(cString: strerror(errno)))")
    }
}
