/// The blocks of a Creative Voice file (VOC).
enum VoiceHeader {
    /// The largest kind of a block.
    private static let kinds: ClosedRange<UInt8> = 1...9

    // Invariant: sizes have 24 bits and rates 16, so that no divisor is 0 and sums fit into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let head = try reader.take(26)
        try reader.skip(Int64(head.little(20, 2)) - 26)
        guard let header = try block(&reader, after: nil) else { throw reader.damaged("no samples") }
        return header
    }

    /// Reads the blocks behind samples up to the next ones with samples, or with silence. Markers, texts and
    /// repetitions are skipped.
    /// - Parameter layout: that of the samples before; `nil` if a decoder has read them.
    /// - Returns: `nil` at the end mark, at the end of the stream, and at a byte that begins no block.
    static func next(_ bytes: ByteStream, after layout: PCMLayout?) throws(AudioError) -> SoundHeader? {
        guard let kind = try bytes.peek(1).first, kinds.contains(kind) else { return nil }
        var reader = HeaderReader(bytes, container: HeaderKind.voice.name, keepsSkipped: false)
        return try block(&reader, after: SoundHeader(layout: layout))
    }

    /// - Parameter before: the samples that a block of kind 2 continues.
    private static func block(
        _ reader: inout HeaderReader, after before: SoundHeader?
    ) throws(AudioError) -> SoundHeader? {
        var isStereo = false
        var extendedRate: Int?
        while true {
            guard let kind = try reader.bytes.peek(1).first, kinds.contains(kind) || before == nil else { return nil }
            _ = try reader.take(1)
            guard kind != 0 else { return nil }
            let size = Int64(try reader.take(3).little(0, 3))
            let end = reader.offset + size
            switch kind {
            case 2:
                guard var header = before else { try reader.skip(size); continue }
                header.layout?.size = size
                return header
            case 1 where size > 2:
                let fields = try reader.take(2)
                let rate = extendedRate ?? 1_000_000 / (256 - Int(fields[0]))
                return header(
                    coding: Int(fields[1]), bits: fields[1] == 4 ? 16 : 8, rate: rate, channels: isStereo ? 2 : 1, end,
                    reader)
            case 3 where size > 2:
                let fields = try reader.take(3)
                try reader.skip(size - 3)
                return SoundHeader(
                    silence: SilenceLayout(
                        count: Int64(fields.little(0, 2)) + 1, sampleRate: 1_000_000 / (256 - Int(fields[2]))))
            case 8 where size == 4:
                let fields = try reader.take(4)
                isStereo = fields[3] == 1
                extendedRate = 256_000_000 / ((isStereo ? 2 : 1) * (65_536 - fields.little(0, 2)))
            case 9 where size > 12:
                let fields = try reader.take(12)
                return header(
                    coding: fields.little(6, 2), bits: Int(fields[4]), rate: fields.little(0, 4),
                    channels: Int(fields[5]), end, reader)
            default: try reader.skip(size)
            }
        }
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
        return SoundHeader(
            layout: format.map {
                PCMLayout(format: $0, sampleRate: rate, channels: channels, size: end - reader.offset)
            }, end: end)
    }
}
