internal import Glibc

/// The format of a WAV file that is still being written, and whose number of samples is unknown.
package struct WaveFormat: Sendable, Equatable {
    package let format: SampleFormat
    package let sampleRate: Int
    package let channels: Int
    /// The first sample's byte offset.
    package let offset: Int64
    /// Bytes of samples, or `nil` for "to the end".
    package let size: Int64?

    /// Reads the header of an open file, whose position it moves.
    /// - Returns: `nil` where the file does not begin with a WAV header.
    /// - Throws: ``AudioError`` where the header is damaged or not complete yet, or the samples are coded.
    package static func read(_ descriptor: Int32, name: String) throws(AudioError) -> WaveFormat? {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw AudioError(.read, "\(name): cannot be read again") }
        let bytes = ByteStream(descriptor: descriptor, name: name, interrupt: nil, owned: false)
        guard ContentIdentifier.byMagic(try bytes.peek(ContentIdentifier.headLength)[...]) == .header(.wave) else {
            return nil
        }
        return try read(bytes)
    }

    /// Reads the header at the stream's position.
    /// - Throws: ``AudioError`` where the header is damaged or not complete yet, or the samples are coded.
    static func read(_ bytes: ByteStream) throws(AudioError) -> WaveFormat {
        guard let layout = try HeaderKind.wave.read(bytes).layout else {
            throw AudioError(
                .decode, "\(bytes.name): the samples of this WAV are coded, which only a whole file can be; write PCM")
        }
        try Limits.check(sampleRate: layout.sampleRate, channels: layout.channels, of: bytes.name)
        return WaveFormat(
            format: layout.format, sampleRate: layout.sampleRate, channels: layout.channels, offset: bytes.position,
            size: layout.size)
    }
}
