internal import AudioClassifier
internal import AudioFrontend
internal import Glibc

/// What comes next out of a file that grows, as `tail -F` sees it: a file of another name that takes its place is read
/// after the rest of the old one, and one that has become shorter from its beginning. It never waits.
struct FileFollower: ~Copyable {
    enum Notification {
        /// No more for now.
        case nothing
        case bytes([UInt8])
        /// A file begins: with the header of a WAV file, or, without one, with bare samples.
        /// - isCut: it is the same file, which has lost what it had.
        case began(WaveFormat?, isCut: Bool)
    }

    private let path: String
    private let fromStart: Bool
    private let bareFrameBytes: Int
    private(set) var frameBytes: Int
    private var descriptor: Int32 = -1
    private var offset: off_t = 0
    private var isDescribed = false
    private var isCut = false
    /// Where the samples of the file begin.
    private var audioOffset: off_t = 0
    /// Where the first file is gone on with.
    private var resumption: off_t?
    /// Only what is there when the service comes is passed over.
    private var isFirst = true

    /// Bytes a read.
    private static let piece = 1 << 16
    /// Longer than the header of any WAV file that has one.
    private static let longestHeader = 1 << 20
    /// Bytes that tell a WAV file.
    private static let magic = 12

    /// - Parameters:
    ///   - fromStart: read what is there already; otherwise, begin at its end.
    ///   - frameBytes: of bare samples of all channels.
    init(_ path: String, fromStart: Bool, frameBytes: Int) {
        self.path = path
        self.frameBytes = frameBytes
        bareFrameBytes = frameBytes
        self.fromStart = fromStart
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// - Throws: ``ClassifierError`` where the file cannot be read, or is none; another call tries again.
    mutating func next() throws(ClassifierError) -> Notification {
        if descriptor < 0 {
            guard try open() else { return .nothing }
        }
        let status = try status()
        if status.st_size < offset {
            offset = 0
            (isDescribed, isCut) = (false, true)
        }
        if !isDescribed, let begun = try describe(status) { return begun }
        if isDescribed, let bytes = try read() { return .bytes(bytes) }
        guard isReplaced(status) else { return .nothing }
        // What was written to the old file before the new one came.
        if isDescribed, let bytes = try read() { return .bytes(bytes) }
        close(descriptor)
        descriptor = -1
        return .nothing
    }

    /// The first file is gone on with, at this byte, wherever reading would have begun.
    mutating func goOn(at byte: Int64) { resumption = off_t(byte) }

    /// A sample of the stream is so many bytes before the next one that is read.
    /// - Returns: nil where there is no file, or it cannot be looked at.
    func resumePoint(of sample: Int64, before bytes: Int) -> ResumePoint? {
        guard descriptor >= 0 else { return nil }
        return ResumePoint(
            descriptor, path: path, audioOffset: Int64(audioOffset), frameBytes: frameBytes, sample: sample,
            offset: Int64(offset) - Int64(bytes))
    }

    /// The last bytes could not be used yet.
    mutating func unread(_ count: Int) { offset -= off_t(count) }

    /// - Returns: false where there is no such file yet.
    private mutating func open() throws(ClassifierError) -> Bool {
        // Opening a FIFO must not wait for its writer.
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
                .noInput, code: "source", "is no regular file; a pipe is read by a command: [cat, \(path)]")
        }
        (offset, isDescribed, isCut) = (0, false, false)
        return true
    }

    private mutating func describe(_ status: stat) throws(ClassifierError) -> Notification? {
        guard status.st_size >= Self.magic else { return nil }
        let wave: WaveFormat?
        do { wave = try WaveFormat.read(descriptor, name: path) } catch {
            // A header is written before the samples; it may not be complete yet.
            guard status.st_size > Self.longestHeader else { return nil }
            throw ClassifierError(error)
        }
        audioOffset = off_t(wave?.offset ?? 0)
        offset = audioOffset
        frameBytes = wave.map { $0.format.bytesPerSample * $0.channels } ?? bareFrameBytes
        if isFirst && !isCut, let resumption {
            offset = max(offset, resumption)
        } else if isFirst && !fromStart && !isCut {
            let frame = off_t(frameBytes)
            offset += max(0, status.st_size - offset) / frame * frame
        }
        isDescribed = true
        defer { (isFirst, isCut) = (false, false) }
        return .began(wave, isCut: isCut)
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
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("cannot be looked at") }
        return status
    }

    /// Whether another file has the name now; while there is none, the old one is still followed.
    private func isReplaced(_ old: stat) -> Bool {
        var new = stat()
        guard unsafe stat(path, &new) == 0 else { return false }
        return new.st_ino != old.st_ino || new.st_dev != old.st_dev
    }

    private func failure(_ what: String) -> ClassifierError {
        ClassifierError(.inputOutput, code: "source", "\(what): \(unsafe String(cString: strerror(errno)))")
    }
}
