internal import StrictCoding

/// The boundaries of concatenated recordings in a file of MPEG audio, and whether each of them is whole.
struct MPEGScan {
    private(set) var parts: [MPEGPiece] = []
    /// The offset of a recording of another kind behind the last one.
    private(set) var rest: Int64?
    /// The first missing end; `nil` if all recordings are whole.
    private(set) var truncation: String?
    /// Bytes between frames that belong to none, and are left out: a decoder gives up at so many.
    private(set) var gaps: [Range<Int64>] = []
    /// Fewer bytes than a decoder searches for the next frame (mpg123: 1,024).
    private static let shortGap: Int64 = 512

    private var reader: WindowReader
    private var end: Int64
    /// The beginning of the tags at the end.
    private let tagsStart: Int64
    /// The end of the last frame at most: tags or another recording follow it.
    private var lastFrameEnd: Int64
    private var piece = MPEGPiece(start: 0)
    private var first: MPEGFrame?
    /// Frames of the present part with samples.
    private var frames = 0
    /// Number of frames in the part's Xing, Info or VBRI tag.
    private var promised: Int?
    /// Bytes from that tag's frame on, in the tag, as an offset of their end.
    private var promisedBytes: Int64?
    /// The offset behind so many frames.
    private var promisedEnd: Int64?
    /// The present part's last frame.
    private var last: Range<Int64>?

    init(_ window: FileWindow) {
        reader = WindowReader(window)
        end = window.count
        tagsStart = TrailingTags.start(in: window)
        lastFrameEnd = tagsStart
        run()
    }

    // Invariant: positions lie inside the input or behind it by one frame, page or tag, whose lengths have 32 bits.
    private mutating func run() {
        var position: Int64 = 0
        /// The beginning of the last frame that was searched for another recording.
        var searched: Int64 = -1
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
                // A frame without a successor may be cut: the next recording begins inside what it would have. Each
                // frame is searched once.
                let isNew = last.map { $0.lowerBound > searched } ?? false
                searched = last?.lowerBound ?? searched
                guard let place = resynchronize((isNew ? searched : position) + 1) else { break }
                if let last, place < last.upperBound {
                    lastFrameEnd = min(lastFrameEnd, place)
                    if let frame = self.frame(place) {
                        // The same recording goes on behind the missing bytes, and its header counts both parts.
                        if promised != nil, truncation == nil, information(frame, place) == nil {
                            truncation = "bytes are missing before byte \(place)"
                        }
                        close(at: place)
                    }
                } else if let last, next == nil, promisedEnd == nil, place - last.upperBound >= Self.shortGap,
                    self.frame(place) != nil
                {
                    gaps.append(last.upperBound..<place)
                    parts.append(piece.ended(at: last.upperBound))
                    piece = MPEGPiece(start: place)
                }
                position = place
                continue
            }
            if let next { close(at: next) }
            next = nil
            let information = information(frame, position)
            let bytes = information == nil ? nil : promisedBytes(frame, position)
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
                if let frame = self.frame(promisedEnd), let header = reader.bytes(promisedEnd, 4) {
                    piece.add(frame, Array(header), at: promisedEnd)
                }
            }
            first = first ?? frame
            if let information, frames == 0 {
                (promised, promisedBytes) = (information > 0 ? information : nil, bytes)
                piece.hasTag = true
            } else {
                frames += 1
                if let header = reader.bytes(position, 4) { piece.add(frame, Array(header), at: position) }
            }
            last = position..<position + Int64(frame.length)
            position += Int64(frame.length)
        }
        close(at: end)
    }

    /// Ends the present recording, which is cut if its last frame does not fit.
    private mutating func close(at position: Int64) {
        let isCut = last.map { $0.upperBound > min(position, lastFrameEnd) || hasRest(of: $0) } ?? false
        let missing = (promised ?? 0) - frames + (isCut ? 1 : 0)
        // Some encoders count one frame too many. The number of bytes says whether it is there.
        let lacksBytes = last.map { $0.upperBound < promisedBytes ?? 0 } ?? false
        let isLast = position == end
        if truncation == nil, missing > 1 || missing == 1 && (isCut || lacksBytes) {
            let header = isLast ? "its header" : "the header of its part \(parts.count + 1)"
            truncation = "\(header) promises \(Quantity.text(missing, "frame")) more"
        } else if truncation == nil, isCut, promised == nil {
            truncation = "\(isLast ? "it" : "its part \(parts.count + 1)") ends inside a frame"
        }
        // A decoder that meets other bytes behind the last frame drops it.
        let partEnd = isLast ? min(end, last?.upperBound ?? end) : position
        if partEnd > piece.range.lowerBound || parts.isEmpty { parts.append(piece.ended(at: partEnd)) }
        piece = MPEGPiece(start: position)
        (first, frames, promised, promisedEnd, last) = (nil, 0, nil, nil, nil)
        (promisedBytes, lastFrameEnd) = (nil, tagsStart)
    }

    /// Returns whether fewer bytes follow a frame than a header has, with which the next one may begin.
    private mutating func hasRest(of frame: Range<Int64>) -> Bool {
        let count = Int(lastFrameEnd - frame.upperBound)
        guard (1...3).contains(count), let head = reader.bytes(frame.lowerBound, min(count, 2)).map(Array.init) else {
            return false
        }
        return reader.bytes(frame.upperBound, head.count).map(Array.init) == head
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

    /// The end of the recording by the number of bytes in a Xing or Info tag.
    private mutating func promisedBytes(_ frame: MPEGFrame, _ position: Int64) -> Int64? {
        guard let tag = reader.bytes(position + 4 + Int64(frame.sideInformation), 16).map(Array.init),
            tag.has("Xing") || tag.has("Info"), tag[7] & 3 == 3
        else { return nil }
        return position + Int64(tag.big(12, 4))
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
