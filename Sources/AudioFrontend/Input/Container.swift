internal import Glibc

/// Containers by their first bytes.
enum Container {
    static func isWave(_ head: [UInt8]) -> Bool {
        (starts(head, "RIFF") || starts(head, "RF64")) && head.count >= 12 && head[8..<12].elementsEqual("WAVE".utf8)
    }

    /// Whether libsndfile has a decoder for what begins so.
    static func isKnown(_ head: [UInt8]) -> Bool {
        let magics = ["RIFX", "FORM", "fLaC", "OggS", "ID3", "caff", ".snd", "dns.", "riff"]
        // An MPEG audio frame: eleven bits set, layer III, and a bit rate that exists.
        let isMP3 =
            head.count >= 3 && head[0] == 0xFF && head[1] & 0xE6 == 0xE2 && head[2] & 0xF0 != 0xF0
            && head[2] & 0x0C != 0x0C
        return isMP3 || magics.contains { starts(head, $0) }
    }

    private static func starts(_ head: [UInt8], _ magic: String) -> Bool { head.starts(with: magic.utf8) }
}

/// A container whose decoder must seek (FLAC, Ogg, MP3, ...), out of a pipe: kept in an unnamed temporary file until the pipe
/// ends, then decoded.
enum SpooledFile {
    /// 1 GiB: days of compressed audio.
    static let limit = 1 << 30

    static func open(_ bytes: ByteStream) throws(AudioError) -> SoundFile {
        func failure() -> AudioError {
            AudioError(.read, "\(bytes.name): cannot keep it in a temporary file: \(SoundFile.systemError())")
        }
        guard let file = unsafe tmpfile() else { throw failure() }
        defer { unsafe fclose(file) }
        var total = 0
        var chunk: [UInt8] = []
        while try bytes.read(65536, into: &chunk) > 0 {
            total += chunk.count
            guard total <= limit else {
                throw AudioError(
                    .read,
                    "\(bytes.name): more than 1 GiB of a compressed container in a pipe; write it to a file first")
            }
            guard unsafe fwrite(chunk, 1, chunk.count, file) == chunk.count else { throw failure() }
            chunk.removeAll(keepingCapacity: true)
        }
        guard unsafe fflush(file) == 0 else { throw failure() }
        let descriptor = unsafe dup(fileno(file))
        guard descriptor >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw failure() }
        return try SoundFile(descriptor: descriptor, name: bytes.name)
    }
}
