internal import FoundationEssentials
internal import Glibc

/// Where in a followed file the samples of its stream are, so that a service that is started again goes on there. It is
/// kept beside the stream's state, which says how far the stream is.
struct FilePlace: Codable, Sendable {
    let path: String
    let device: UInt64
    let inode: UInt64
    /// The first bytes of audio, by which a file is known whose inode has been given to another one.
    let headOffset: Int64
    let headCount: Int
    let headHash: UInt64
    /// Of samples of all channels.
    let frameBytes: Int
    /// This sample of the stream is at this byte of the file, and those after it follow.
    let sample: Int64
    let offset: Int64

    /// Bytes that tell a file from another one.
    private static let head = 4096
    /// No file and no stream gets as far, and up to there nothing overflows.
    private static let largest: Int64 = 1 << 48

    /// - Parameter audioOffset: where the samples begin: a WAV file's header changes while the file grows.
    /// - Returns: nil where the file cannot be looked at.
    init?(_ descriptor: Int32, path: String, audioOffset: Int64, frameBytes: Int, sample: Int64, offset: Int64) {
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
    }

    /// The byte of a sample.
    /// - Returns: nil where the sample is not in this file.
    func byte(of sample: Int64) -> Int64? {
        guard sample >= self.sample, sample <= Self.largest, (1...1 << 16).contains(frameBytes),
            (0...Self.largest).contains(offset), self.sample >= 0
        else { return nil }
        return offset + (sample - self.sample) * Int64(frameBytes)
    }

    /// Why the path is not the file any more, up to a byte; nil where it is.
    func fault(upTo byte: Int64) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT ? "is not there" : "cannot be opened" }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, UInt64(status.st_dev) == device, UInt64(status.st_ino) == inode
        else { return "has been replaced" }
        guard status.st_size >= byte else { return "has become shorter" }
        guard let head = Self.hash(descriptor, at: headOffset, count: headCount), head == (headCount, headHash) else {
            return "has been written anew"
        }
        return nil
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ descriptor: Int32, at offset: Int64, count: Int) -> (Int, UInt64)? {
        guard (0...head).contains(count), (0...largest).contains(offset) else { return nil }
        var buffer = [UInt8](repeating: 0, count: max(1, count))
        let read = unsafe pread(descriptor, &buffer, count, off_t(offset))
        guard read >= 0 else { return nil }
        return (read, buffer[..<read].reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    }
}
