internal import StrictCoding

/// The boundaries of the chained streams of an Ogg file, and whether each of them is whole.
struct OggScan {
    private(set) var parts: [Range<Int64>] = []
    /// The offset of a recording of another kind behind the last stream.
    private(set) var rest: Int64?
    /// The first missing end; `nil` if all streams are whole.
    private(set) var truncation: String?

    private static let headSize = 27

    init(_ window: FileWindow) {
        var reader = WindowReader(window)
        var position: Int64 = 0
        /// The last page.
        var page: Int64 = 0
        var start: Int64 = 0
        var hasContent = false
        var isEnded = false
        var isCut = false
        var sequence = PageSequence()
        while position < window.count {
            if hasContent, RecordingSearch.begins(&reader, position, other: .ogg) {
                rest = position
                break
            }
            guard let head = reader.bytes(position, Self.headSize).map(Array.init) else {
                // Bytes that begin no page are no part of the recording.
                let count = Int(min(4, window.count - position))
                isCut = reader.bytes(position, count)?.elementsEqual("OggS".utf8.prefix(count)) ?? false
                break
            }
            guard head.has("OggS") else {
                // A page without a successor may be cut: the next one begins inside what it would have.
                guard let next = Self.nextPage(&reader, page + 1) else { break }
                isCut = next < position
                (position, page) = (next, max(page + 1, next))
                continue
            }
            let flags = head[5]
            if flags & 2 != 0 {
                // A stream begins. Consecutive first pages belong to multiplexed streams.
                if hasContent {
                    if isCut || !isEnded, truncation == nil {
                        let part = "its part \(parts.count + 1)"
                        truncation = isCut ? "\(part) ends inside a page" : "the last page of \(part) is not there"
                    }
                    parts.append(start..<position)
                    start = position
                }
                (hasContent, isEnded) = (false, false)
            } else {
                hasContent = true
            }
            if flags & 4 != 0 { isEnded = true }
            if let missing = sequence.missing(head), truncation == nil {
                truncation = "\(Quantity.text(missing, "page is", "pages are")) not there, before byte \(position)"
            }
            (page, isCut) = (position, false)
            guard let sizes = reader.bytes(position + Int64(Self.headSize), Int(head[26])) else {
                isCut = true
                break
            }
            position += Int64(Self.headSize + sizes.count) + sizes.reduce(0) { $0 + Int64($1) }
            if position > window.count { isCut = true }
        }
        parts.append(start..<(rest ?? window.count))
        guard truncation == nil else { return }
        if isCut { truncation = "it ends inside a page" } else if !isEnded { truncation = "its last page is not there" }
    }

    // Invariant: positions lie inside the input or behind it by one frame, page or tag, whose lengths have 32 bits.
    private static func nextPage(_ reader: inout WindowReader, _ position: Int64) -> Int64? {
        var position = position
        while let head = reader.bytes(position, 4) {
            if head.first == 0x4F, head.elementsEqual("OggS".utf8) { return position }
            if RecordingSearch.begins(&reader, position, other: .ogg) { return position }
            position += 1
        }
        return nil
    }
}

/// The numbers of the pages of each stream.
private struct PageSequence {
    private var last: [Int: (number: Int, isOfHeader: Bool)] = [:]
    /// Streams that are followed at once; more are not checked.
    private static let limit = 64

    // Invariant: numbers have 32 bits.
    /// Notes a page by its head, and returns the number of missing pages before it. A radio's stream begins with the
    /// header and goes on at any page.
    mutating func missing(_ head: [UInt8]) -> Int? {
        let (serial, number) = (head.little(14, 4), head.little(18, 4))
        let isOfHeader = head[5] & 2 != 0 || head.little(6, 8) == 0
        let before = last[serial]
        if before != nil || last.count < Self.limit { last[serial] = (number, isOfHeader) }
        guard let before, head[5] & 2 == 0, !before.isOfHeader, number > before.number + 1 else { return nil }
        return number - before.number - 1
    }
}
