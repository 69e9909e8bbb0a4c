/// Looks for frames of compressed audio, MPEG's and others', in the first bytes of a stream.
///
/// Samples can look like one header by chance. Several headers, each at the distance that the one before states, are
/// proof. A radio's stream begins inside a frame, so that the first header may be anywhere in the length of one.
enum FrameSearch {
    enum Finding: Equatable {
        case found(Content)
        case nothing
        /// The bytes may be the beginning of frames.
        case needsMore
    }

    /// Bytes that contain the first header of a stream, which may begin inside a frame.
    static let reach = 1_600
    // Invariant: positions are indices of the bytes in memory, and a frame has at most 8 KiB.
    /// Number of consecutive headers that counts as proof.
    private static let proof = 3

    /// - Parameter isWhole: whether `bytes` is the whole input, or all of it that may be read.
    static func search(_ bytes: [UInt8], isWhole: Bool) -> Finding {
        let zeros = bytes.prefix { $0 == 0 }.count
        if zeros == bytes.count { return isWhole ? .nothing : .needsMore }
        if isTransportStream(bytes) { return .found(.foreign("an MPEG transport stream")) }
        let last = min(bytes.count - 4, zeros + reach)
        for offset in 0..<max(0, last) {
            let finding: Finding
            switch bytes[offset] {
            case 0xFF:
                let frames = sequence(bytes, offset, isWhole: isWhole, content: .mpeg(offset)) {
                    MPEGFrame($0)?.identity
                }
                finding =
                    frames == .nothing
                    ? sequence(bytes, offset, isWhole: isWhole, content: .foreign("AAC (ADTS)"), adts) : frames
            case 0x0B where offset == 0, 0x77 where offset == 0:
                finding = sequence(bytes, 0, isWhole: isWhole, content: .foreign("AC-3"), ac3)
            case 0x56:
                finding = sequence(bytes, offset, isWhole: isWhole, content: .foreign("AAC (LATM)"), latm)
            default: continue
            }
            if finding != .nothing { return finding }
        }
        return .nothing
    }

    /// Looks for frames of MPEG that begin with the first byte: as many as are proof, because a whole input of few
    /// samples can look like one frame.
    /// - Parameter isWhole: as for ``search(_:isWhole:)``.
    static func first(_ bytes: [UInt8], isWhole: Bool) -> Finding {
        guard bytes.first == 0xFF else { return .nothing }
        let finding =
            bytes.count < 4
            ? .needsMore : sequence(bytes, 0, isWhole: false, content: .mpeg(0)) { MPEGFrame($0)?.identity }
        return isWhole && finding == .needsMore ? .nothing : finding
    }

    /// The length of a header's frame, and the fields that all headers of a stream share.
    struct Identity: Equatable {
        let length: Int
        let stream: UInt32
    }

    private static func sequence(
        _ bytes: [UInt8], _ offset: Int, isWhole: Bool, content: Content, _ header: (ArraySlice<UInt8>) -> Identity?
    ) -> Finding {
        guard let first = header(bytes[offset...]) else { return .nothing }
        var position = offset
        var count = 0
        var areEqual = true
        while position + 7 <= bytes.count {
            guard let frame = header(bytes[position...]), frame.stream == first.stream else {
                // A short file has fewer frames, and a tag may follow them.
                return isWhole && offset == 0 && count > 0 && bytes.count - position <= 256 ? .found(content) : .nothing
            }
            count += 1
            let common = min(frame.length, bytes.count - position)
            areEqual = areEqual && bytes[position...].prefix(common).elementsEqual(bytes[offset...].prefix(common))
            position += frame.length
            // Equal frames are a periodic signal that looks like a header.
            if count >= proof && (offset == 0 || !areEqual) { return .found(content) }
        }
        if isWhole { return offset == 0 && count > 0 ? .found(content) : .nothing }
        return .needsMore
    }

    private static func adts(_ header: ArraySlice<UInt8>) -> Identity? {
        let at = header.startIndex
        guard header.count >= 7, header[at] == 0xFF, header[at + 1] & 0xF6 == 0xF0, header[at + 2] >> 2 & 15 < 13 else {
            return nil
        }
        let length = Int(header[at + 3] & 3) << 11 | Int(header[at + 4]) << 3 | Int(header[at + 5] >> 5)
        // The same profile, rate and channels.
        return length > 7 ? Identity(length: length, stream: UInt32(header[at + 1]) << 8 | UInt32(header[at + 2])) : nil
    }

    private static func ac3(_ header: ArraySlice<UInt8>) -> Identity? {
        let at = header.startIndex
        guard header.count >= 7 else { return nil }
        // The words of two bytes may be exchanged.
        let isSwapped = header[at] == 0x77 && header[at + 1] == 0x0B
        guard isSwapped || header[at] == 0x0B && header[at + 1] == 0x77 else { return nil }
        func byte(_ offset: Int) -> Int { Int(header[at + (isSwapped ? offset ^ 1 : offset)]) }
        if !isSwapped, (11...16).contains(byte(5) >> 3) {
            return Identity(length: 2 * ((byte(2) & 7) << 8 | byte(3)) + 2, stream: UInt32(byte(5) >> 3))
        }
        let (rateIndex, sizeIndex) = (byte(4) >> 6, byte(4) & 63)
        guard rateIndex < 3, sizeIndex < 38 else { return nil }
        let rates = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640]
        let rate = rates[sizeIndex / 2]
        // Words of two bytes in a frame of 1536 samples at 48, 44.1 and 32 kHz.
        let words = [2 * rate, 1_536 * rate * 1000 / 16 / 44_100 + sizeIndex % 2, 3 * rate][rateIndex]
        return Identity(length: 2 * words, stream: UInt32(rateIndex) << 8 | UInt32(sizeIndex / 2))
    }

    /// AAC as in digital television: eleven bits of synchronisation and the frame's length.
    private static func latm(_ header: ArraySlice<UInt8>) -> Identity? {
        let at = header.startIndex
        guard header.count >= 4, header[at] == 0x56, header[at + 1] & 0xE0 == 0xE0 else { return nil }
        let length = Int(header[at + 1] & 0x1F) << 8 | Int(header[at + 2])
        return length > 8 ? Identity(length: length + 3, stream: 0) : nil
    }

    /// Packets of 188 bytes, or of 192 with a time before each. The first may be cut.
    private static func isTransportStream(_ bytes: [UInt8]) -> Bool {
        [188, 192].contains { packet in
            (0..<packet).contains { first in
                guard bytes.count >= first + (first == 0 ? 4 : 6) * packet, bytes[first] == 0x47 else { return false }
                let starts = stride(from: first, to: bytes.count, by: packet)
                return starts.allSatisfy { bytes[$0] == 0x47 && ($0 + 3 >= bytes.count || bytes[$0 + 3] & 0x30 != 0) }
                    && Set(bytes[first...].prefix(4 * packet)).count > 8
            }
        }
    }
}

extension MPEGFrame {
    fileprivate var identity: FrameSearch.Identity {
        FrameSearch.Identity(
            length: length, stream: UInt32(sampleRate) << 8 | UInt32(version << 4 | layer << 1 | (isMono ? 1 : 0)))
    }
}
