/// The encoding of raw samples. Integers are converted to floats as by libsndfile: divided by 2^(bits - 1).
public enum SampleFormat: String, Sendable, CaseIterable {
    case u8, s8, u16le, u16be, s16le, s16be, s24le, s24be
    /// 24 bits in the low bytes of 4, ALSA's `S24_LE`. The highest byte is ignored.
    case s24in32le
    case s24in32be, s32le, s32be, f32le, f32be, f64le, f64be, alaw, mulaw

    public var bytesPerSample: Int {
        switch self {
        case .u8, .s8, .alaw, .mulaw: 1
        case .u16le, .u16be, .s16le, .s16be: 2
        case .s24le, .s24be: 3
        case .s24in32le, .s24in32be, .s32le, .s32be, .f32le, .f32be: 4
        case .f64le, .f64be: 8
        }
    }

    /// Whether every code of the format is a finite number.
    var isInteger: Bool { ![.f32le, .f32be, .f64le, .f64be].contains(self) }
}
