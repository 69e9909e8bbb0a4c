/// A reader of a header's fields. It can put the header back for a decoder.
struct HeaderReader {
    // Invariant: the header that is kept has 16 MiB at most; a skip ends where the stream does, so that offsets are
    // those of bytes that exist. Callers pass offsets inside the fields that they have taken.
    let bytes: ByteStream
    /// The container's name, for messages.
    let container: String
    /// Number of consumed bytes of the header.
    private(set) var offset: Int64 = 0
    /// Whether the stream has ended inside the header.
    private(set) var isCut = false
    private let start: Int64?
    /// Bytes to put back into a stream that cannot seek.
    private var kept: [UInt8] = []
    private let keepsSkipped: Bool

    /// Largest header that can be put back.
    private static let longest: Int64 = 16 << 20

    /// - Parameter keepsSkipped: whether skipped bytes are put back, too. A WAV file stays valid without them.
    init(_ bytes: ByteStream, container: String, keepsSkipped: Bool) {
        self.bytes = bytes
        self.container = container
        self.keepsSkipped = keepsSkipped
        start = bytes.fileSize == nil ? nil : bytes.position
    }

    /// The container's bytes in a regular file, from its first to the file's end.
    var available: Int64? { start.map { bytes.fileEnd - $0 } }

    /// - Throws: ``AudioError`` `decode` where the stream ends before.
    mutating func take(_ count: Int) throws(AudioError) -> [UInt8] {
        guard let taken = try takeIfThere(count) else {
            isCut = true
            throw cut
        }
        return taken
    }

    /// Takes `count` bytes, or returns `nil` if the stream ends before.
    mutating func takeIfThere(_ count: Int) throws(AudioError) -> [UInt8]? {
        guard let taken = try bytes.take(count) else { return nil }
        offset += Int64(count)
        guard start == nil else { return taken }
        guard Int64(kept.count + count) <= Self.longest else {
            throw damaged("more than \(Self.longest) bytes before the samples")
        }
        kept += taken
        return taken
    }

    /// - Parameter head: the length of the chunk's head, already taken.
    mutating func skip(_ count: Int64, head: Int = 0) throws(AudioError) {
        guard count >= 0 else { throw damaged("a size of \(count) bytes") }
        if start == nil && keepsSkipped {
            guard count <= Self.longest else { throw damaged("\(count) bytes before the samples") }
            _ = try take(Int(count))
        } else {
            if start == nil { kept.removeLast(head) }
            guard try bytes.skip(count) else {
                isCut = true
                throw cut
            }
            offset += count
        }
    }

    /// Returns the stream to the container's first byte.
    func rewind() {
        if let start { bytes.seek(to: start) } else { bytes.unread(kept) }
    }

    /// Returns the error for an impossible field.
    func damaged(_ what: String) -> AudioError {
        AudioError(.decode, "\(bytes.name): the \(container) header has \(what); is it damaged?")
    }

    private var cut: AudioError {
        AudioError(
            .decode,
            "\(bytes.name): the stream ends inside its \(container) header; "
                + "was the writer stopped, or is the header damaged?"
        )
    }
}

extension [UInt8] {
    /// The integer of `count` bytes at `offset`, lowest byte first.
    func little(_ offset: Int, _ count: Int) -> Int {
        Int(truncatingIfNeeded: (0..<count).reduce(UInt64(0)) { $0 | UInt64(self[offset + $1]) << UInt64(8 * $1) })
    }

    /// The integer of `count` bytes at `offset`, highest byte first.
    func big(_ offset: Int, _ count: Int) -> Int {
        Int(truncatingIfNeeded: (0..<count).reduce(UInt64(0)) { $0 << 8 | UInt64(self[offset + $1]) })
    }

    /// Whether the text is at `offset`.
    func has(_ text: String, at offset: Int = 0) -> Bool {
        count >= offset + text.utf8.count && self[offset..<offset + text.utf8.count].elementsEqual(text.utf8)
    }

    /// The first offset of `pattern`.
    func offset(of pattern: [UInt8]) -> Int? {
        guard let first = pattern.first, count >= pattern.count else { return nil }
        return unsafe withUnsafeBufferPointer { bytes in
            for index in 0...(bytes.count - pattern.count) where unsafe bytes[index] == first {
                let isThere = (1..<pattern.count).allSatisfy { unsafe bytes[index + $0] == pattern[$0] }
                if isThere { return index }
            }
            return nil
        }
    }
}
