internal import Glibc

/// A range of an open file, readable at any offset. Windows of one file share its descriptor.
final class FileWindow {
    private final class Descriptor {
        let number: Int32
        /// The owner of the descriptor, kept open.
        let stream: ByteStream?

        init(_ number: Int32, stream: ByteStream? = nil) {
            self.number = number
            self.stream = stream
        }

        deinit { if stream == nil { close(number) } }
    }

    private let descriptor: Descriptor
    private let start: Int64
    /// Bytes before those of the file.
    private let prefix: [UInt8]
    let count: Int64
    /// The end of the bytes read so far, from the window's start.
    private(set) var furthest: Int64 = 0

    private init(_ descriptor: Descriptor, start: Int64, count: Int64, prefix: [UInt8] = []) {
        self.descriptor = descriptor
        self.start = start
        self.prefix = prefix
        self.count = count + Int64(prefix.count)
    }

    /// The rest of a regular file, from the stream's position.
    convenience init(_ stream: ByteStream) {
        let position = stream.position
        self.init(
            Descriptor(stream.descriptor, stream: stream), start: position, count: max(0, stream.fileEnd - position))
    }

    /// Takes over the descriptor of a file of this size.
    convenience init(owning descriptor: Int32, count: Int64) {
        self.init(Descriptor(descriptor), start: 0, count: count)
    }

    /// A part of a window that has no prefix.
    /// - Parameter prefix: bytes that a reader finds before those of the part.
    func window(_ range: Range<Int64>, behind prefix: [UInt8] = []) -> FileWindow {
        FileWindow(descriptor, start: start + range.lowerBound, count: Int64(range.count), prefix: prefix)
    }

    /// A stream of the bytes from `offset` on, with a descriptor of its own.
    /// - Parameter input: the input whose bytes they are.
    func stream(at offset: Int64, of input: ByteStream) throws(AudioError) -> ByteStream {
        let copy = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else {
            throw AudioError(.read, "\(input.name): cannot be read again: \(FileOpening.systemError())")
        }
        let stream = ByteStream(descriptor: copy, name: input.name, file: input.file, interrupt: nil, owned: true)
        stream.seek(to: start + offset)
        return stream
    }

    /// Reads up to `size` bytes at `offset` to `destination`.
    /// - Returns: the number of bytes; fewer only at the window's end, or where the file cannot be read.
    @unsafe func read(_ size: Int, at offset: Int64, to destination: UnsafeMutableRawPointer) -> Int {
        let size = Int(min(Int64(size), max(0, count - offset)))
        var done = 0
        while done < size, offset + Int64(done) < prefix.count {
            unsafe destination.storeBytes(of: prefix[Int(offset) + done], toByteOffset: done, as: UInt8.self)
            done += 1
        }
        while done < size {
            let place = start + offset + Int64(done - prefix.count)
            let got = unsafe pread(descriptor.number, destination + done, size - done, off_t(place))
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            done += got
        }
        furthest = max(furthest, offset + Int64(done))
        return done
    }

    /// Up to `size` bytes at `offset`; fewer at the window's end.
    func bytes(at offset: Int64, _ size: Int) -> [UInt8] {
        guard offset >= 0, offset < count else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            if let base = buffer.baseAddress { filled = unsafe read(size, at: offset, to: base) }
        }
    }
}

/// Reads of a window that mostly go forward, through a buffer.
struct WindowReader {
    let window: FileWindow
    private var buffer: [UInt8] = []
    private var bufferStart: Int64 = 0
    private static let bufferSize = 65_536

    init(_ window: FileWindow) { self.window = window }

    /// The `count` bytes at `offset`, or `nil` where the window ends before.
    mutating func bytes(_ offset: Int64, _ count: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, offset + Int64(count) <= window.count else { return nil }
        if offset < bufferStart || offset + Int64(count) > bufferStart + Int64(buffer.count) {
            buffer = window.bytes(at: offset, max(count, Self.bufferSize))
            bufferStart = offset
            guard buffer.count >= count else { return nil }
        }
        let first = Int(offset - bufferStart)
        return buffer[first..<first + count]
    }
}
