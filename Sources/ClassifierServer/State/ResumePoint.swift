internal import FoundationEssentials
internal import Glibc
internal import StrictCoding

/// A pair of a stream's sample and its byte offset in a followed file, from which a restarted service finds the offset
/// of the next sample. It is saved beside the stream's state, which has the position of the stream.
struct ResumePoint: Codable, Sendable {
    let path: String
    let device: UInt64
    let inode: UInt64
    /// The first bytes of audio, which identify the file if its inode is used again.
    let headOffset: Int64
    let headCount: Int
    let headHash: UInt64
    /// Bytes of one sample of all channels.
    let frameBytes: Int
    /// The sample of the stream at ``offset``.
    let sample: Int64
    /// Byte offset in the file.
    let offset: Int64
    /// The part of the identities of the stream's events.
    let eventPart: String?

    /// Number of bytes that identify a file.
    private static let head = 4096
    /// Largest plausible offset or sample; sums and products of smaller ones cannot overflow.
    private static let largest: Int64 = 1 << 48

    /// - Parameter audioOffset: byte offset of the first sample; the header before it changes while a WAV file grows.
    /// - Returns: nil if the file cannot be read.
    init?(
        _ descriptor: Int32, path: String, audioOffset: Int64, frameBytes: Int, sample: Int64, offset: Int64,
        eventPart: String?
    ) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0,
            let head = Self.hash(descriptor, at: audioOffset, count: Self.head)
        else { return nil }
        self.path = path
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        headOffset = audioOffset
        (headCount, headHash) = head
        self.frameBytes = frameBytes
        self.sample = sample
        self.offset = offset
        self.eventPart = eventPart
    }

    /// Returns the byte offset of a sample; nil if the sample is not in this file.
    func byteOffset(of sample: Int64) -> Int64? {
        guard sample >= self.sample, sample <= Self.largest, (1...1 << 16).contains(frameBytes),
            (0...Self.largest).contains(offset), self.sample >= 0
        else { return nil }
        // Invariant: the guard bounds both numbers by 2^48 and the factor by 2^16.
        return offset + (sample - self.sample) * Int64(frameBytes)
    }

    /// Returns the reason why the path does not have this file's bytes up to an offset any more; nil if it has.
    func fault(upTo byte: Int64) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT ? "is not there" : "cannot be opened" }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, UInt64(status.st_dev) == device, UInt64(status.st_ino) == inode
        else { return "has been replaced" }
        guard status.st_size >= byte else { return "has become shorter" }
        guard let head = Self.hash(descriptor, at: headOffset, count: headCount), head == (headCount, headHash) else {
            return "has been rewritten"
        }
        return nil
    }

    /// Returns the number of bytes that were read, and their hash.
    private static func hash(_ descriptor: Int32, at offset: Int64, count: Int) -> (Int, UInt64)? {
        guard (0...head).contains(count), (0...largest).contains(offset) else { return nil }
        var buffer = [UInt8](repeating: 0, count: max(1, count))
        let read = unsafe pread(descriptor, &buffer, count, off_t(offset))
        guard read >= 0 else { return nil }
        return (read, fnv1a(buffer[..<read]))
    }
}
