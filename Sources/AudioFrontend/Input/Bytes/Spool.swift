internal import Glibc

/// Stores a stream in an unnamed temporary file, for decoders that need all of it.
enum Spool {
    /// Largest stream: 1 GiB, days of compressed audio.
    static let limit: Int64 = 1 << 30

    /// Reads the stream to its end, or to the interrupt.
    /// - Returns: the bytes, and an error if the stream is longer than the limit.
    static func read(_ bytes: ByteStream) throws(AudioError) -> (window: FileWindow, failure: AudioError?) {
        func failure() -> AudioError {
            AudioError(.read, "\(bytes.name): cannot keep it in a temporary file: \(FileOpening.systemError())")
        }
        guard let file = unsafe tmpfile() else { throw failure() }
        defer { unsafe fclose(file) }
        var total: Int64 = 0
        var chunk: [UInt8] = []
        var tooLong: AudioError?
        while tooLong == nil, try bytes.read(65_536, into: &chunk) > 0 {
            let room = Int(min(Int64(chunk.count), limit - total))
            guard unsafe fwrite(chunk, 1, room, file) == room else { throw failure() }
            total += Int64(room)
            if room < chunk.count {
                tooLong = AudioError(
                    .read,
                    "\(bytes.name): more than 1 GiB of a compressed container in a pipe; "
                        + "its beginning was used. Write it to a file first"
                )
            }
            chunk.removeAll(keepingCapacity: true)
        }
        guard unsafe fflush(file) == 0 else { throw failure() }
        let descriptor = unsafe fcntl(fileno(file), F_DUPFD_CLOEXEC, 3)
        guard descriptor >= 0 else { throw failure() }
        return (FileWindow(owning: descriptor, count: total), tooLong)
    }
}
