internal import Glibc

/// The header of an AIFF or AIFF-C file: chunks, of which `COMM` describes the samples and `SSND` holds them.
enum AIFFHeader {
    // Invariant: fields have 32 bits at most, and sizes of chunks are checked before they are used; sums of them fit
    // into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let head = try reader.take(12)
        let isCompressed = head.has("AIFC", at: 8)
        var layout: PCMLayout?
        var isDescribed = false
        while true {
            let chunk = try reader.take(8)
            let size = Int64(chunk.big(4, 4))
            if chunk.has("COMM") {
                guard (18...65_536).contains(size) else { throw reader.damaged("a COMM chunk of \(size) bytes") }
                layout = description(try reader.take(Int(size + size % 2)), isCompressed: isCompressed)
                isDescribed = true
            } else if chunk.has("SSND") {
                let fields = try reader.take(8)
                let offset = Int64(fields.big(0, 4))
                let isKnown = (9..<0x7FFF_0000).contains(size)
                let end = isKnown ? reader.offset - 8 + size : nil
                // A description after the samples needs a decoder that seeks.
                guard isDescribed else { return SoundHeader(end: end) }
                try reader.skip(offset)
                guard !isKnown || size >= 8 + offset else {
                    throw reader.damaged("samples that begin behind their end")
                }
                layout?.size = isKnown ? size - 8 - offset : nil
                return SoundHeader(layout: layout, end: end)
            } else {
                try reader.skip(size + size % 2)
            }
        }
    }

    private static func description(_ bytes: [UInt8], isCompressed: Bool) -> PCMLayout? {
        let size = (bytes.big(6, 2) + 7) / 8
        let coding = isCompressed && bytes.count >= 22 ? String(decoding: bytes[18..<22], as: UTF8.self) : "NONE"
        let format: SampleFormat? =
            switch (coding, size) {
            case ("NONE", 1), ("twos", 1), ("sowt", 1): .s8
            case ("NONE", 2), ("twos", 2): .s16be
            case ("NONE", 3), ("twos", 3), ("in24", _): .s24be
            case ("NONE", 4), ("twos", 4), ("in32", _): .s32be
            case ("sowt", 2): .s16le
            case ("sowt", 3), ("42ni", _): .s24le
            case ("sowt", 4), ("23ni", _): .s32le
            case ("raw ", 1): .u8
            case ("fl32", _), ("FL32", _): .f32be
            case ("fl64", _), ("FL64", _): .f64be
            case ("alaw", _), ("ALAW", _): .alaw
            case ("ulaw", _), ("ULAW", _): .mulaw
            default: nil
            }
        guard let format, let rate = extended(Array(bytes[8..<18])) else { return nil }
        return PCMLayout(format: format, sampleRate: rate, channels: bytes.big(0, 2))
    }

    /// An 80-bit extended number, rounded; `nil` if it cannot be a rate.
    private static func extended(_ bytes: [UInt8]) -> Int? {
        let exponent = bytes.big(0, 2) - 16_383 - 63
        let mantissa = UInt64(bitPattern: Int64(bytes.big(2, 8)))
        guard (-63...0).contains(exponent), bytes[0] < 0x80 else { return nil }
        // Invariant: the exponent is in -63 ... 0, and the value is checked before it becomes an integer.
        let value = scalbn(Double(mantissa), Int32(exponent)).rounded()
        return value < 0x1p31 ? Int(value) : nil
    }
}
