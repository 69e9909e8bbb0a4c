/// The header of an AU file (Sun, NeXT; `.snd`): a fixed block of big-endian fields, little-endian in DEC's variant.
enum SunHeader {
    // Invariant: fields have 32 bits at most, and sizes of chunks are checked before they are used; sums of them fit
    // into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let head = try reader.take(24)
        let isLittle = head.has("dns.")
        func field(_ offset: Int) -> Int { isLittle ? head.little(offset, 4) : head.big(offset, 4) }
        let headerSize = Int64(field(4))
        guard headerSize >= 24 else { throw reader.damaged("a length of \(headerSize) bytes instead of 24 or more") }
        try reader.skip(headerSize - 24)
        // All ones: the writer could not know.
        let size = field(8) == 0xFFFF_FFFF || field(8) == 0 ? nil : Int64(field(8))
        let format: SampleFormat? =
            switch field(12) {
            case 1: .mulaw
            case 2: .s8
            case 3: isLittle ? .s16le : .s16be
            case 4: isLittle ? .s24le : .s24be
            case 5: isLittle ? .s32le : .s32be
            case 6: isLittle ? .f32le : .f32be
            case 7: isLittle ? .f64le : .f64be
            case 27: .alaw
            default: nil
            }
        return SoundHeader(
            layout: format.map { PCMLayout(format: $0, sampleRate: field(16), channels: field(20), size: size) },
            end: size.map { headerSize + $0 })
    }
}
