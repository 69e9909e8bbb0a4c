/// The header of a Berkeley/IRCAM/CARL file (`.sf`): 1024 bytes, in the byte order of the machine that wrote it.
enum IRCAMHeader {
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let head = try reader.take(1024)
        // The number of channels is small in the right order.
        let isLittle = head.little(8, 4) <= 256
        func field(_ offset: Int) -> Int { isLittle ? head.little(offset, 4) : head.big(offset, 4) }
        let rate = Float(bitPattern: UInt32(truncatingIfNeeded: field(4)))
        guard rate > 0, rate < 0x1p31 else { throw reader.damaged("a sample rate of \(rate) Hz") }
        let format: SampleFormat? =
            switch field(12) {
            case 0x0002: isLittle ? .s16le : .s16be
            case 0x0004: isLittle ? .f32le : .f32be
            case 0x4_0004: isLittle ? .s32le : .s32be
            case 0x1_0001: .alaw
            case 0x2_0001: .mulaw
            default: nil
            }
        return SoundHeader(
            // Invariant: the rate is above 0 and below 2^31.
            layout: format.map { PCMLayout(format: $0, sampleRate: Int(rate.rounded()), channels: field(8)) })
    }
}
