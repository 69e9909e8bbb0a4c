internal import StrictCoding

/// The boundaries of concatenated recordings in a file of MPEG audio, and whether each of them is whole.
struct MPEGScan {
    private(set) var parts: [Range<Int64>] = []
    /// The offset of a recording of another kind behind the last one.
    private(set) var rest: Int64?
    /// The first missing end; `nil` if all recordings are whole.
    private(set) var truncation: String?

    private var reader: WindowReader
    private var end: Int64
    /// The end of the last frame at most: tags follow it.
    private let lastFrameEnd: Int64
    private var start: Int64 = 0
    private var first: MPEGFrame?
    /// Frames of the present part with samples.
    private var frames = 0
    /// Number of frames in the part's Xing, Info or VBRI tag.
    private var promised: Int?
    /// The offset behind so many frames.
    private var promisedEnd: Int64?
    /// The present part's last frame.
    private var last: Range<Int64>?

    init(_ window: FileWindow) {
        reader = WindowReader(window)
        end = window.count
        lastFrameEnd = TrailingTags.start(in: window)
        run()
    }

    // Invariant: positions lie inside the input or behind it by one frame, page or tag, whose lengths have 32 bits.
    private mutating func run() {
        var position: Int64 = 0
        /// The tag of a recording whose first frame has not come.
        var next: Int64?
        while position < end {
            if let tag = tagLength(position) {
                // A tag of a recording's beginning, after frames, belongs to the next recording, if there is one.
                if frames > 0, isBeginning(position) { next = next ?? position }
                position += tag
                continue
            }
            guard let frame = frame(position) else {
                if frames > 0, RecordingSearch.begins(&reader, position, other: .mpeg) {
                    rest = position
                    end = position
                    break
                }
                // A frame without a successor may be cut: the next recording begins inside what it would have.
                guard let place = resynchronize((last?.lowerBound ?? position) + 1) else { break }
                position = place
                continue
            }
            if let next { close(at: next) }
            next = nil
            let information = information(frame, position)
            if frames > 0 {
                let isOther = first.map { !frame.isLike($0) } ?? false
                // A single odd header is damage.
                let stays = isOther && self.frame(position + Int64(frame.length))?.isLike(frame) == true
                if information != nil || stays { close(at: position) }
            }
            if let promised, frames == promised { promisedEnd = position }
            // A decoder stops after the promised frames: what follows them is another recording, if it is more than an
            // encoder's wrong count.
            if let promised, frames > promised, let promisedEnd {
                close(at: promisedEnd)
                frames = 1
            }
            first = first ?? frame
            if let information, frames == 0 {
                promised = information > 0 ? information : nil
            } else {
                frames += 1
            }
            last = position..<position + Int64(frame.length)
            position += Int64(frame.length)
        }
        close(at: end)
    }

    /// Ends the present part, which is cut if its last frame does not fit.
    private mutating func close(at position: Int64) {
        let isCut = last.map { $0.upperBound > min(position, lastFrameEnd) } ?? false
        let missing = (promised ?? 0) - frames + (isCut ? 1 : 0)
        let isLast = position == end
        if truncation == nil, missing > 1 || missing == 1 && isCut {
            let header = isLast ? "its header" : "the header of its part \(parts.count + 1)"
            truncation = "\(header) promises \(Quantity.text(missing, "frame")) more"
        } else if truncation == nil, isCut, promised == nil {
            truncation = "\(isLast ? "it" : "its part \(parts.count + 1)") ends inside a frame"
        }
        parts.append(start..<position)
        (start, first, frames, promised, promisedEnd, last) = (position, nil, 0, nil, nil, nil)
    }

    private mutating func frame(_ position: Int64) -> MPEGFrame? { reader.bytes(position, 4).flatMap(MPEGFrame.init) }

    /// The number of frames in a Xing, Info or VBRI tag, 0 if it has none; `nil` for a frame of samples.
    private mutating func information(_ frame: MPEGFrame, _ position: Int64) -> Int? {
        guard frame.layer == 1 else { return nil }
        if let tag = reader.bytes(position + 4 + Int64(frame.sideInformation), 12).map(Array.init),
            tag.has("Xing") || tag.has("Info")
        {
            return tag[7] & 1 == 0 ? 0 : tag.big(8, 4)
        }
        if let tag = reader.bytes(position + 36, 18).map(Array.init), tag.has("VBRI") { return tag.big(14, 4) }
        return nil
    }

    private mutating func isBeginning(_ position: Int64) -> Bool {
        reader.bytes(position, 3).map { Array($0).has("ID3") } ?? false
    }

    /// Length in bytes of the tag at this position.
    private mutating func tagLength(_ position: Int64) -> Int64? {
        guard let head = reader.bytes(position, 10).map(Array.init) else { return nil }
        if head.has("ID3"), head[3] < 0xFF, head[6...].allSatisfy({ $0 < 0x80 }) {
            let size = head[6...].reduce(0) { $0 << 7 | Int64($1) }
            return 10 + size + (head[5] & 0x10 != 0 ? 10 : 0)
        }
        if head.has("TAG") { return 128 }
        if head.has("APETAGEX"), let tag = reader.bytes(position, 32).map(Array.init) {
            // The stated length includes a footer of 32 bytes. A tag of no length would hold the scan.
            return max(32, Int64(tag.little(12, 4))) + (tag[23] & 0x20 != 0 ? 32 : 0)
        }
        return nil
    }

    /// Returns the next offset of a tag, of two similar frames, or of another kind of recording.
    private mutating func resynchronize(_ position: Int64) -> Int64? {
        var position = position
        while let head = reader.bytes(position, 4) {
            if head.first == 0xFF, let frame = MPEGFrame(head), let next = self.frame(position + Int64(frame.length)),
                next.isLike(frame)
            {
                return position
            }
            if head.first == 0x49, tagLength(position) != nil { return position }
            if RecordingSearch.begins(&reader, position, other: .mpeg) { return position }
            position += 1
        }
        return nil
    }
}
