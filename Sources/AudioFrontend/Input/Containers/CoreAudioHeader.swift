/// The header of a Core Audio file (CAF): big-endian chunks, of which `desc` comes first.
enum CoreAudioHeader {
    // Invariant: sizes of 2^40 bytes and more are refused, or ignored for the samples; sums fit into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        _ = try reader.take(8)
        var layout: PCMLayout?
        while true {
            let chunk = try reader.take(12)
            let size = Int64(chunk.big(4, 8))
            if chunk.has("desc"), size == 32 {
                layout = description(try reader.take(32))
            } else if chunk.has("data") {
                // -1: to the end. The first four bytes count edits.
                let known = (4..<1 << 48).contains(size) ? size : nil
                let end = known.map { reader.offset + $0 }
                _ = try reader.take(4)
                layout?.size = known.map { $0 - 4 }
                return SoundHeader(layout: layout, end: end)
            } else {
                guard (0..<1 << 40).contains(size) else { throw reader.damaged("a chunk of \(size) bytes") }
                try reader.skip(size)
            }
        }
    }

    private static func description(_ bytes: [UInt8]) -> PCMLayout? {
        let rate = Double(bitPattern: UInt64(bitPattern: Int64(bytes.big(0, 8))))
        let flags = bytes.big(12, 4)
        let (isFloat, isLittle) = (flags & 1 != 0, flags & 2 != 0)
        let (channels, bits) = (bytes.big(24, 4), bytes.big(28, 4))
        guard rate > 0, rate < 0x1p31, channels > 0 else { return nil }
        let size = bytes.big(16, 4) / channels
        let format: SampleFormat?
        if bytes.has("lpcm", at: 8) {
            format =
                switch (isFloat, size, bits) {
                case (false, 1, 8): .s8
                case (false, 2, 16): isLittle ? .s16le : .s16be
                case (false, 3, 24): isLittle ? .s24le : .s24be
                case (false, 4, 32): isLittle ? .s32le : .s32be
                case (true, 4, 32): isLittle ? .f32le : .f32be
                case (true, 8, 64): isLittle ? .f64le : .f64be
                default: nil
                }
        } else if bytes.has("alaw", at: 8) {
            format = .alaw
        } else {
            format = bytes.has("ulaw", at: 8) ? .mulaw : nil
        }
        // Invariant: the rate is above 0 and below 2^31.
        return format.map { PCMLayout(format: $0, sampleRate: Int(rate.rounded()), channels: channels) }
    }
}
