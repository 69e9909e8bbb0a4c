/// The kind of an input, identified by its first bytes.
enum Content: Equatable {
    /// Samples after a header.
    case header(HeaderKind)
    /// A container for libsndfile, by its name.
    case soundFile(String)
    /// MPEG audio whose first frame begins at this byte.
    case mpeg(Int)
    /// A format without a decoder here, by its name.
    case foreign(String)

    var name: String {
        switch self {
        case .header(let kind): "a \(kind.name) file"
        case .soundFile(let name): name
        case .mpeg: "MP3"
        case .foreign(let name): name
        }
    }
}

/// Identifies the content of an input by its first bytes.
enum ContentIdentifier {
    /// Bytes that hold the magics of all formats that are decoded, and most others.
    static let headLength = 20
    /// Bytes that are searched if there is no magic at the beginning.
    private static let searchLength = FrameSearch.reach
    /// Bytes that are searched if those may be the beginning of frames, or are zeros.
    private static let longestSearch = 8192
    private static let searchStep = 512

    /// Identifies an input by a magic alone, at the beginning.
    static func byMagic(_ head: ArraySlice<UInt8>) -> Content? { Magic.all.first { $0.matches(head) }?.content }

    /// Identifies an input by all means.
    static func identify(_ peek: (Int) throws(AudioError) -> [UInt8]) throws(AudioError) -> Content? {
        if let content = byMagic(try peek(headLength)[...]) { return content }
        return try bySearch(peek)
    }

    /// Identifies MP3 that begins with the first byte, in an input that is described as raw PCM. It waits for more
    /// bytes only where the first ones are a frame's header.
    /// - Parameter peek: as for ``bySearch(_:)``.
    static func framesInRaw(
        _ head: [UInt8], _ peek: (Int) throws(AudioError) -> [UInt8]
    ) throws(AudioError) -> Content? {
        var bytes = head
        while true {
            let found = FrameSearch.first(bytes, isWhole: bytes.count >= longestSearch)
            guard found == .needsMore else { return found == .found(.mpeg(0)) ? .mpeg(0) : nil }
            let more = try peek(bytes.count + searchStep)
            guard more.count > bytes.count else {
                return FrameSearch.first(more, isWhole: true) == .found(.mpeg(0)) ? .mpeg(0) : nil
            }
            bytes = more
        }
    }

    /// Identifies a container by a magic of four bytes or more, or MP3 by its frames, in a stream that is declared to
    /// be raw PCM.
    /// - Returns: the content, and whether the bytes suffice to know it.
    /// - Parameter isWhole: whether no more bytes follow.
    static func inRawStream(_ head: [UInt8], isWhole: Bool = false) -> (content: Content?, isKnown: Bool) {
        if !isWhole, rawMagics.contains(where: { $0.end > head.count && $0.mayBegin(head) }) { return (nil, false) }
        if let magic = rawMagics.first(where: { $0.matches(head.prefix(headLength)) }) { return (magic.content, true) }
        switch FrameSearch.first(head, isWhole: isWhole || head.count >= longestSearch) {
        case .found(let content): return (content, true)
        case .needsMore: return (nil, false)
        case .nothing: break
        }
        // The letters of a text are as many loud samples, one after the other.
        if !isWhole, head.count < TextContent.beginning, TextContent.mayBegin(head) { return (nil, false) }
        return (TextContent.beginning(head).map(Content.foreign), true)
    }

    private static let rawMagics = Magic.all.filter { $0.length >= 4 && $0.end <= headLength }

    /// Identifies content without a magic: frames of compressed audio, and text. It waits only for the bytes that it
    /// needs, because they may come from a microphone.
    /// - Parameter peek: returns the first bytes: the requested number, or fewer if the stream ends before.
    static func bySearch(_ peek: (Int) throws(AudioError) -> [UInt8]) throws(AudioError) -> Content? {
        var count = searchLength
        while true {
            let bytes = try peek(count)
            let isWhole = bytes.count < count
            switch FrameSearch.search(bytes, isWhole: isWhole || count >= longestSearch) {
            case .found(let content): return content
            // Invariant: offsets are those of the first bytes of an input, which are in memory.
            case .needsMore: count += searchStep
            case .nothing:
                if let content = byMagic(bytes[...]) { return content }
                if isHTK(bytes, isWhole: isWhole) { return .soundFile("HTK") }
                if isMPC(bytes) { return .soundFile("MPC 2000") }
                return Structure.content(bytes) ?? TextContent.name(bytes, isWhole: isWhole).map(Content.foreign)
                    ?? RecordingSearch.behindOtherBytes(bytes)
            }
        }
    }

    /// HTK: big-endian, a number of samples, their period in units of 100 ns, two bytes a sample, kind 0.
    private static func isHTK(_ bytes: [UInt8], isWhole: Bool) -> Bool {
        guard bytes.count > 12, bytes.big(8, 4) == 0x2_0000, (13...10_000).contains(bytes.big(4, 4)) else {
            return false
        }
        let size = 12 + 2 * bytes.big(0, 4)
        return isWhole ? size == bytes.count : size >= bytes.count
    }

    /// Akai MPC 2000: two bytes, then a name filled up with spaces.
    private static func isMPC(_ bytes: [UInt8]) -> Bool {
        bytes.count > 42 && bytes[0] == 1 && bytes[1] == 4 && bytes[2..<18].allSatisfy { (0x20..<0x7F).contains($0) }
    }
}
