/// The kind of an input, as its first bytes show it.
enum Content: Equatable {
    /// Samples behind a header.
    case header(HeaderKind)
    /// A container for libsndfile, by its name.
    case soundFile(String)
    /// MPEG audio whose first frame begins at this byte.
    case mpeg(Int)
    /// A format that is not decoded here, by its name.
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

/// Tells what an input is from its first bytes.
enum ContentIdentifier {
    /// Bytes that hold every magic.
    static let headLength = 20
    /// Bytes that are looked at where no magic is at the beginning.
    private static let searchLength = FrameSearch.reach
    /// Bytes that are looked at where these might be frames, or are zeros.
    private static let longestSearch = 8192
    private static let searchStep = 512

    /// By a magic alone, at the beginning.
    static func byMagic(_ head: ArraySlice<UInt8>) -> Content? { Magic.all.first { $0.matches(head) }?.content }

    /// By a magic of four bytes or more, for a stream that is raw by definition.
    /// - Returns: the content, and whether there are enough bytes to tell.
    static func inRawStream(_ head: [UInt8]) -> (content: Content?, isKnown: Bool) {
        let magics = Magic.all.filter { $0.length >= 4 }
        guard head.count >= headLength || !magics.contains(where: { $0.mayBegin(head) }) else { return (nil, false) }
        return (magics.first { $0.matches(head.prefix(headLength)) }?.content, true)
    }

    /// Identifies frames of compressed audio, and text, which have no magic. It waits for no more bytes than
    /// it needs, because they may be a microphone's.
    /// - Parameter peek: returns the first bytes, as many as it is asked for, or fewer where there are no more.
    static func bySearch(_ peek: (Int) throws(AudioError) -> [UInt8]) throws(AudioError) -> Content? {
        var count = searchLength
        while true {
            let bytes = try peek(count)
            let isWhole = bytes.count < count
            switch FrameSearch.search(bytes, isWhole: isWhole || count >= longestSearch) {
            case .found(let content): return content
            case .needsMore: count += searchStep
            case .nothing:
                if isHTK(bytes, isWhole: isWhole) { return .soundFile("HTK") }
                if isMPC(bytes) { return .soundFile("MPC 2000") }
                return TextContent.name(bytes).map(Content.foreign)
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
