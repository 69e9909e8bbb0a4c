/// The recordings in a container that libsndfile decodes, and whether each of them is whole.
struct ContainerScan {
    /// The kind of the container, for messages.
    private(set) var what: String
    /// The recordings of one kind, one after the other.
    private(set) var parts: [Range<Int64>]
    /// What a decoder reads before each of them, if it needs something.
    private(set) var prefixes: [[UInt8]]?
    /// The offset of a recording of another kind behind them.
    private(set) var rest: Int64?
    /// The missing end, as the end of a sentence; `nil` if nothing is known to be missing.
    private(set) var truncation: String?
    /// Number of samples of a channel in a FLAC whose header has none, by its last frame.
    private(set) var length: Int64?
    /// The offset of the first frame of a FLAC.
    private(set) var firstFrame: Int64 = 0
    /// Bytes between frames that are left out.
    private(set) var gaps: [Range<Int64>] = []

    /// - Parameter what: the kind of the bytes before any tag.
    init(_ window: FileWindow, _ what: String) {
        self.what = what
        parts = [0..<window.count]
        let (content, offset) = Self.coding(window)
        if offset > window.count { truncation = "it ends inside its ID3 tag" }
        switch content {
        case .mpeg?:
            let scan = MPEGScan(window)
            (rest, truncation, gaps) = (scan.rest, scan.truncation, scan.gaps)
            parts = scan.parts.map(\.decoded)
            prefixes = scan.parts.map(\.information)
        case .soundFile("Ogg")?:
            let scan = OggScan(window)
            (parts, rest, truncation) = (scan.parts, scan.rest, scan.truncation)
        case .soundFile("FLAC")?:
            self.what = "FLAC"
            let header = FLACHeader(window, at: offset)
            firstFrame = header.end ?? window.count
            guard let end = header.end else {
                truncation = "it ends inside its header"
                return
            }
            if header.length == nil {
                // A decoder would read on behind the last frame.
                rest = RecordingSearch.offset(in: window, from: end)
                if let rest { parts = [0..<rest] }
                length = FLACFrame.lengthByLastFrame(window.window(parts[0]), header)
            }
        default: break
        }
    }

    // Invariant: lengths of tags have 28 bits, and a window fewer than 2^62 bytes.
    /// The content of a window after its ID3 tag, or at its beginning, and the offset of the content.
    private static func coding(_ window: FileWindow) -> (content: Content?, offset: Int64) {
        var offset: Int64 = 0
        var head = window.bytes(at: 0, 10)
        while head.count == 10, head.has("ID3") {
            offset += 10 + head[6...].reduce(0) { $0 << 7 | Int64($1 & 0x7F) } + (head[5] & 0x10 != 0 ? 10 : 0)
            head = window.bytes(at: offset, 10)
        }
        if let content = ContentIdentifier.byMagic(head[...]) { return (content, offset) }
        do throws(AudioError) {
            let content = try ContentIdentifier.bySearch { (count) throws(AudioError) in
                window.bytes(at: offset, count)
            }
            return (content, offset)
        } catch { return (nil, offset) }
    }
}
