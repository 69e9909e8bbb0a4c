/// The header of a Creative Voice file (VOC): blocks. The first block with samples is read.
enum VoiceHeader {
    // Invariant: sizes have 24 bits and rates 16, so that no divisor is 0 and sums fit into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let head = try reader.take(26)
        try reader.skip(Int64(head.little(20, 2)) - 26)
        var isStereo = false
        var extendedRate: Int?
        while true {
            let kind = try reader.take(1)[0]
            guard kind != 0 else { throw reader.damaged("no samples") }
            let size = Int64(try reader.take(3).little(0, 3))
            let end = reader.offset + size
            switch kind {
            case 1 where size > 2:
                let fields = try reader.take(2)
                let rate = extendedRate ?? 1_000_000 / (256 - Int(fields[0]))
                return header(
                    coding: Int(fields[1]), bits: fields[1] == 4 ? 16 : 8, rate: rate, channels: isStereo ? 2 : 1, end,
                    reader)
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
