import AudioFrontend

/// A WAV file or stream, byte by byte, with a header that may be wrong.
struct WaveBytes {
    var format = SampleFormat.s16le
    var rate = 16000
    var channels = 1
    var data: [UInt8] = []
    /// The data chunk's size as the header states it; nil for the true one.
    var statedSize: UInt32?
    /// Whole chunks before `fmt `, between it and `data`, and after the samples.
    var beforeFormat: [UInt8] = []
    var beforeData: [UInt8] = []
    var afterData: [UInt8] = []
    /// WAVE_FORMAT_EXTENSIBLE, with the format in its GUID.
    var isExtensible = false
    /// Bits and bytes of a sample as the header states them; nil for the format's.
    var statedBits: Int?
    var statedBytes: Int?
    /// Valid bits of an extensible header; nil for all.
    var validBits: Int?
    /// RF64: 32-bit sizes of 0xFFFFFFFF, and this as the size of the data in the `ds64` chunk.
    var wideSize: UInt64?
    /// The file's first bytes, if ``wideSize`` is set.
    var wideMagic = "RF64"

    /// The formats that WAV has.
    static let formats: [SampleFormat] = [.u8, .s16le, .s24le, .s32le, .f32le, .f64le, .alaw, .mulaw]

    var bytes: [UInt8] {
        let isWide = wideSize != nil
        var body: [UInt8] = Array("WAVE".utf8)
        if let wideSize {
            let fields: [UInt64] = [UInt64(data.count + 100), wideSize, 0]
            body += Self.chunk("ds64", fields.flatMap { Self.little($0, 8) } + [0, 0, 0, 0])
        }
        body += beforeFormat + Self.chunk("fmt ", description) + beforeData
        let size = isWide ? 0xFFFF_FFFF : statedSize ?? UInt32(data.count)
        body += Array("data".utf8) + Self.little(UInt64(size), 4) + data
        if data.count % 2 == 1 && !afterData.isEmpty { body.append(0) }
        body += afterData
        let total = isWide || statedSize != nil ? UInt64(size) : UInt64(body.count)
        return Array((isWide ? wideMagic : "RIFF").utf8) + Self.little(total, 4) + body
    }

    private var description: [UInt8] {
        let size = statedBytes ?? format.bytesPerSample
        let bits = UInt64(statedBits ?? 8 * size)
        let tag: UInt64 =
            switch format {
            case .f32le, .f64le: 3
            case .alaw: 6
            case .mulaw: 7
            default: 1
            }
        var fields = Self.little(isExtensible ? 0xFFFE : tag, 2) + Self.little(UInt64(channels), 2)
        fields += Self.little(UInt64(rate), 4) + Self.little(UInt64(truncatingIfNeeded: rate * channels * size), 4)
        fields += Self.little(UInt64(channels * size), 2) + Self.little(bits, 2)
        guard isExtensible else { return fields }
        fields +=
            Self.little(22, 2) + Self.little(validBits.map(UInt64.init) ?? bits, 2) + Self.little(0, 4)
            + Self.little(tag, 2)
        // The rest of the GUID that every coding with a tag has (KSDATAFORMAT_SUBTYPE).
        return fields + [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71]
    }

    /// A chunk with its padding.
    static func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
        Array(name.utf8) + little(UInt64(body.count), 4) + body + (body.count % 2 == 1 ? [0] : [])
    }

    static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
}
