internal import Glibc

/// The header of a WAV stream (RIFF or RF64) up to its samples.
///
/// Programs that write WAV into a pipe cannot know its length and write a dummy: 0, 0xFFFFFFFF, or the largest that their signed
/// arithmetic allows (sox: 0x7FFFFxxx). All of these mean: to the end. libsndfile cannot open such a stream without seeking.
struct WaveHeader: Equatable {
    let format: SampleFormat
    let sampleRate: Int
    let channels: Int
    /// Bytes of samples, or nil for "to the end of the stream".
    let size: Int64?

    /// Reads the header from `bytes`, which then stands at the first sample.
    /// - Returns: nil for a coding that needs a decoder (ADPCM, GSM, ...); the stream is then as it was.
    static func read(_ bytes: ByteStream) throws(AudioError) -> WaveHeader? {
        func cut() -> AudioError {
            AudioError(.decode, "\(bytes.name): the stream ends inside its WAV header; was the writer stopped?")
        }
        guard var consumed = try bytes.take(12) else { throw cut() }
        var description: (format: SampleFormat, sampleRate: Int, channels: Int)?
        var wideSize: Int?
        while true {
            guard let head = try bytes.take(8) else { throw cut() }
            consumed += head
            let size = head.integer(4, 4)
            if head.prefix(4).elementsEqual("data".utf8) {
                guard let description else {
                    throw AudioError(.decode, "\(bytes.name): the WAV header has samples but no format before them")
                }
                let known = (1..<0x7FFF_0000).contains(size) ? size : wideSize
                return WaveHeader(
                    format: description.format, sampleRate: description.sampleRate, channels: description.channels,
                    size: known.map(Int64.init))
            }
            guard size <= 1 << 20 else {
                throw AudioError(
                    .decode,
                    "\(bytes.name): a WAV header chunk of \(size) bytes before the samples; is the header damaged?")
            }
            guard let body = try bytes.take(size + size % 2) else { throw cut() }
            consumed += body
            if head.prefix(4).elementsEqual("ds64".utf8), size >= 16 {
                // RF64 keeps the true size here. A dummy is 0 or near the largest number.
                let stated = body.integer(8, 8)
                wideSize = (1..<1 << 48).contains(stated) ? stated : nil
            }
            guard head.prefix(4).elementsEqual("fmt ".utf8) else { continue }
            guard size >= 16 else {
                throw AudioError(.decode, "\(bytes.name): the WAV format chunk has \(size) bytes instead of 16 or more")
            }
            let tag = body.integer(0, 2) == 0xFFFE && size >= 26 ? body.integer(24, 2) : body.integer(0, 2)
            guard let format = sampleFormat(tag: tag, bits: body.integer(14, 2)) else {
                bytes.unread(consumed)
                return nil
            }
            description = (format, body.integer(4, 4), body.integer(2, 2))
        }
    }

    /// Bytes of samples that a file's header promises and that the file does not have; 0 for what is no WAV file.
    /// libsndfile takes what there is and says nothing.
    static func missingBytes(of path: String) -> Int64 {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        let bytes = ByteStream(descriptor: descriptor, name: path, interrupt: nil, owned: true)
        guard let head = try? bytes.peek(12), Container.isWave(head), let wave = try? read(bytes), let size = wave.size
        else { return 0 }
        let start = Int64(lseek(descriptor, 0, SEEK_CUR))
        return max(0, start + size - Int64(lseek(descriptor, 0, SEEK_END)))
    }

    private static func sampleFormat(tag: Int, bits: Int) -> SampleFormat? {
        switch (tag, bits) {
        case (1, 8): .u8
        case (1, 16): .s16le
        case (1, 24): .s24le
        case (1, 32): .s32le
        case (3, 32): .f32le
        case (3, 64): .f64le
        case (6, 8): .alaw
        case (7, 8): .mulaw
        default: nil
        }
    }
}

/// What the header of a WAV file says of its samples, for one that is still being written: their number is not known.
package struct WaveFormat: Sendable, Equatable {
    package let format: SampleFormat
    package let sampleRate: Int
    package let channels: Int
    /// Of the first sample, in bytes.
    package let offset: Int64

    /// Reads the header of an open file, whose position it moves.
    /// - Returns: nil for what is no WAV file.
    /// - Throws: ``AudioError`` where the header is damaged or not complete yet, or the samples are coded.
    package static func read(_ descriptor: Int32, name: String) throws(AudioError) -> WaveFormat? {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw AudioError(.read, "\(name): cannot be read again") }
        let bytes = ByteStream(descriptor: descriptor, name: name, interrupt: nil, owned: false)
        guard Container.isWave(try bytes.peek(12)) else { return nil }
        guard let header = try WaveHeader.read(bytes) else {
            throw AudioError(.decode, "\(name): a WAV file whose samples are coded cannot be followed; write PCM")
        }
        try Limits.check(sampleRate: header.sampleRate, channels: header.channels, of: name)
        return WaveFormat(
            format: header.format, sampleRate: header.sampleRate, channels: header.channels,
            offset: Int64(lseek(descriptor, 0, SEEK_CUR)))
    }
}

extension [UInt8] {
    /// The little-endian integer of `count` bytes at `offset`.
    fileprivate func integer(_ offset: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(self[offset + $1]) << (8 * $1) }
    }
}
