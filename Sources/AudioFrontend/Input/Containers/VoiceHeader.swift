/// The settings of a VOC block of kind 8, which replace those of the next block of kind 1. Silence may lie between.
struct VoiceExtension: Equatable {
    /// In Hz.
    var sampleRate: Int
    var channels: Int
}

/// The blocks of a Creative Voice file (VOC).
enum VoiceHeader {
    /// The largest kind of a block.
    private static let kinds: ClosedRange<UInt8> = 1...9

    // Invariant: sizes have 24 bits and rates 16, so that no divisor is 0 and sums fit into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let head = try reader.take(26)
        try reader.skip(Int64(head.little(20, 2)) - 26)
        var remark: String?
        guard var header = try block(&reader, after: nil, &remark) else { throw reader.damaged("no samples") }
        header.remark = remark
        return header
    }

    /// Reads the blocks behind samples up to the next ones with samples, or with silence. Markers, texts and
    /// repetitions are skipped.
    /// - Parameters:
    ///   - before: the last block with samples, or only silence if none has come.
    ///   - remark: gets a remark for people about a block that was skipped.
    ///   - isCut: becomes true if the stream ends inside a block's header.
    /// - Returns: `nil` at the end mark, at the end of the stream, and at a byte that begins no block.
    static func next(
        _ bytes: ByteStream, after before: SoundHeader, _ remark: inout String?, _ isCut: inout Bool
    ) throws(AudioError) -> SoundHeader? {
        let rest = try bytes.peek(10)
        guard let kind = rest.first, kinds.contains(kind) else { return nil }
        if isUncounted(rest), before.layout != nil {
            var header = before
            header.layout?.size = 8
            return header
        }
        var reader = HeaderReader(bytes, container: HeaderKind.voice.name, keepsSkipped: false)
        do { return try block(&reader, after: before, &remark) } catch {
            guard reader.isCut else { throw error }
            isCut = true
            return nil
        }
    }

    /// Returns whether the last bytes of a stream are eight bytes of samples and the end mark. SoX (14.4) states eight
    /// bytes too few for a block of kind 9.
    private static func isUncounted(_ rest: [UInt8]) -> Bool {
        rest.count == 9 && rest[8] == 0 && rest.little(1, 3) > 4
    }

    /// - Parameter before: the samples that a block of kind 2 continues.
    private static func block(
        _ reader: inout HeaderReader, after before: SoundHeader?, _ remark: inout String?
    ) throws(AudioError) -> SoundHeader? {
        var extended = before?.voiceExtension
        while true {
            guard let kind = try reader.bytes.peek(1).first, kinds.contains(kind) || before == nil else { return nil }
            _ = try reader.take(1)
            guard kind != 0 else { return nil }
            let size = Int64(try reader.take(3).little(0, 3))
            let end = reader.offset + size
            switch kind {
            case 2:
                guard var header = before, header.silence == nil else {
                    remark =
                        "\(size) bytes of a VOC block that continues no other were not used: their format is unknown"
                    try reader.skip(size)
                    continue
                }
                header.layout?.size = size
                header.voiceExtension = extended
                return header
            case 1 where size > 2:
                let fields = try reader.take(2)
                let rate = extended?.sampleRate ?? 1_000_000 / (256 - Int(fields[0]))
                return header(
                    coding: Int(fields[1]), bits: fields[1] == 4 ? 16 : 8, rate: rate,
                    channels: extended?.channels ?? 1, end, reader)
            case 3 where size > 2:
                let fields = try reader.take(3)
                try reader.skip(size - 3)
                return SoundHeader(
                    silence: silence(count: Int64(fields.little(0, 2)) + 1, period: 256 - Int64(fields[2])),
                    voiceExtension: extended)
            case 8 where size == 4:
                let fields = try reader.take(4)
                let channels = fields[3] == 1 ? 2 : 1
                extended = VoiceExtension(
                    sampleRate: 256_000_000 / (channels * (65_536 - fields.little(0, 2))), channels: channels)
            case 9 where size > 12:
                let fields = try reader.take(12)
                return header(
                    coding: fields.little(6, 2), bits: Int(fields[4]), rate: fields.little(0, 4),
                    channels: Int(fields[5]), end, reader)
            default: try reader.skip(size)
            }
        }
    }

    /// - Parameter period: the duration of a sample in microseconds. Silence of 1 MHz, more than the largest rate, is
    ///   stated at half of it.
    private static func silence(count: Int64, period: Int64) -> SilenceLayout {
        let stated = max(2, period)
        return SilenceLayout(count: (count * period + stated / 2) / stated, sampleRate: 1_000_000 / Int(stated))
    }

    private static func header(
        coding: Int, bits: Int, rate: Int, channels: Int, _ end: Int64, _ reader: HeaderReader
    ) -> SoundHeader {
        let format: SampleFormat? =
            switch (coding, bits) {
            case (0, 8): .u8
            case (4, 16): .s16le
            case (6, _): .alaw
            case (7, _): .mulaw
            default: nil
            }
        var size = end - reader.offset
        // The bytes that SoX does not count, where they end a frame.
        let frame = Int64(channels * bits / 8)
        if frame > 0, size % frame != 0, (size + 8) % frame == 0 { size += 8 }
        return SoundHeader(
            layout: format.map {
                PCMLayout(format: $0, sampleRate: rate, channels: channels, size: size)
            }, end: reader.offset + size)
    }
}
