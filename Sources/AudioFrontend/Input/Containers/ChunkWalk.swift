/// A walk over the data behind a recording's samples: chunks of its container, tags, and other recordings.
struct ChunkWalk {
    /// The next thing of interest.
    enum Finding {
        case end
        /// The stream ends inside a header.
        case cut
        /// More samples of the same recording.
        case samples(PCMLayout)
        case silence(SilenceLayout)
        case recording(Content)
        /// A recording without a decoder here.
        case foreign(String)
        /// Bytes that are neither.
        case unknown
    }

    // Invariant: sizes of chunks have 32 bits, or are checked to be below 2^48; those of tags have 28.
    private let kind: HeaderKind
    private var header: SoundHeader
    /// A remark for people about what the last step has skipped.
    private(set) var remark: String?

    /// - Parameter header: that of the samples before, which has no layout if a decoder has read them.
    init(_ kind: HeaderKind, after header: SoundHeader) {
        self.kind = kind
        self.header = header
    }

    /// Consumes the bytes up to the next finding.
    mutating func next(_ bytes: ByteStream) throws(AudioError) -> Finding {
        remark = nil
        var isCut = false
        if kind == .voice, let next = try VoiceHeader.next(bytes, after: header, &remark, &isCut) {
            if let silence = next.silence {
                header.voiceExtension = next.voiceExtension
                return .silence(silence)
            }
            header = next
            return next.layout.map { .samples($0) } ?? .foreign("a VOC block of another coding")
        }
        if isCut { return .cut }
        while true {
            let head = try bytes.peek(32)
            let zeros = head.prefix { $0 == 0 }.count
            if head.isEmpty { return .end }
            if let finding = try recording(head, bytes) { return finding }
            if zeros > 0 {
                // Samples of an odd number of bytes are followed by a zero, and some writers fill up a block. The size
                // of a box may begin with three.
                _ = try bytes.take(max(1, zeros - 3))
                continue
            }
            if let tag = tagLength(head), try bytes.skip(Int64(tag)) { continue }
            guard let chunk = chunk(head) else { return .unknown }
            if kind == .wave, chunk.name == "fmt ", (16...65_536).contains(chunk.size),
                let body = try bytes.take(Int(chunk.head + chunk.size)).map({ Array($0.dropFirst(Int(chunk.head))) })
            {
                let format = WaveFormatChunk(body)
                header.layout = format.sampleFormat.map {
                    PCMLayout(format: $0, sampleRate: format.sampleRate, channels: format.channels)
                }
                continue
            }
            if kind == .wave, chunk.name == "data", chunk.size > 0, var layout = header.layout {
                _ = try bytes.take(Int(chunk.head))
                layout.size = chunk.size
                return .samples(layout)
            }
            guard try bytes.skip(chunk.head + chunk.size) else { return .end }
        }
    }

    private func recording(_ head: [UInt8], _ bytes: ByteStream) throws(AudioError) -> Finding? {
        if head.has("ID3") {
            guard let size = tagLength(head) else { return nil }
            let rest = try bytes.peek(size + FrameSearch.reach).dropFirst(size)
            guard case .found(.mpeg(0)) = FrameSearch.search(Array(rest), isWhole: true) else { return nil }
            return .recording(.soundFile("audio behind an ID3 tag"))
        }
        if let content = Magic.recordings.first(where: { $0.length >= 4 && $0.matches(head[...]) })?.content {
            if case .foreign(let name) = content { return .foreign(name) }
            return .recording(content)
        }
        guard head[0] == 0xFF || head[0] == 0x0B || head[0] == 0x56 else { return nil }
        switch FrameSearch.search(try bytes.peek(4096), isWhole: true) {
        case .found(.mpeg(0)): return .recording(.mpeg(0))
        case .found(.foreign(let name)): return .foreign(name)
        default: return nil
        }
    }

    /// Bytes of an ID3 tag of either version.
    private func tagLength(_ head: [UInt8]) -> Int? {
        if head.has("TAG") { return 128 }
        guard head.has("ID3"), head.count >= 10, head[6..<10].allSatisfy({ $0 < 0x80 }) else { return nil }
        return 10 + head[6..<10].reduce(0) { $0 << 7 | Int($1) }
    }

    /// The name of the chunk at the beginning of `bytes`, the bytes before its body, and those of its body with its
    /// padding.
    private func chunk(_ bytes: [UInt8]) -> (name: String, head: Int64, size: Int64)? {
        guard bytes.count >= 8, bytes[..<4].allSatisfy({ (0x20..<0x7F).contains($0) }) else { return nil }
        let name = String(decoding: bytes[..<4], as: UTF8.self)
        switch kind {
        case .wave, .aiff:
            let size = Int64(kind == .aiff ? bytes.big(4, 4) : bytes.little(4, 4))
            return (name, 8, name == "data" ? size : size + size % 2)
        case .coreAudio:
            guard bytes.count >= 12, case let size = Int64(bytes.big(4, 8)), (0..<1 << 48).contains(size) else {
                return nil
            }
            return (name, 12, size)
        case .wave64:
            guard bytes.count >= 24, case let size = Int64(bytes.little(16, 8)), (24..<1 << 48).contains(size) else {
                return nil
            }
            return (name, 24, (size - 24 + 7) / 8 * 8)
        default: return nil
        }
    }
}
