/// Looks for a WAV header at the beginning of a stream that comes in pieces, as from a command.
package struct WaveOpening {
    package enum Finding: Equatable {
        case needsMore
        /// The stream is no WAV. The bytes are all that have come.
        case other([UInt8])
        /// The samples' format, and the bytes of samples that have come.
        case wave(WaveFormat, [UInt8])
    }

    // Invariant: the bytes are those of one header, at most a mebibyte and a read.
    private let name: String
    private var bytes: [UInt8] = []
    private static let magics = Magic.all.filter { $0.content == .header(.wave) }
    private static let headLength = 12
    /// Largest header.
    private static let longest = 1 << 20

    /// - Parameter name: the stream's name, for messages.
    package init(name: String) { self.name = name }

    /// Takes the next bytes.
    /// - Throws: ``AudioError`` `decode` where the header is damaged, or the samples are coded.
    package mutating func push(_ piece: [UInt8]) throws(AudioError) -> Finding {
        bytes += piece
        guard Self.magics.contains(where: { $0.mayBegin(bytes) }) else { return .other(bytes) }
        guard bytes.count >= Self.headLength else { return .needsMore }
        let stream = ByteStream(bytes, name: name)
        do throws(AudioError) {
            let format = try WaveFormat.read(stream)
            return .wave(format, Array(bytes[Int(format.offset)...]))
        } catch {
            // The end of the bytes that have come is not the header's.
            guard stream.hasEnded, bytes.count < Self.longest else { throw error }
            return .needsMore
        }
    }

    /// Returns all bytes, which are no WAV, at the end of the stream.
    package func finish() -> [UInt8] { bytes }
}
