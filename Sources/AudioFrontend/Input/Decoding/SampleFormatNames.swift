extension SampleFormat {
    /// Finds the format with this name: one of ``allCases``, or ALSA's (`arecord -f`), in upper or lower case.
    ///
    /// ALSA's `S24_LE` is 24 bits in 4 bytes, `s24in32le` here; its `S24_3LE` is three bytes, `s24le` here.
    public init?(named name: String) {
        let name = name.lowercased()
        guard let format = SampleFormat(rawValue: name) ?? Self.alsaNames[name] else { return nil }
        self = format
    }

    private static let alsaNames: [String: SampleFormat] = [
        "s16_le": .s16le, "s16_be": .s16be, "u16_le": .u16le, "u16_be": .u16be,
        "s24_le": .s24in32le, "s24_be": .s24in32be, "s24_3le": .s24le, "s24_3be": .s24be,
        "s32_le": .s32le, "s32_be": .s32be, "float_le": .f32le, "float_be": .f32be,
        "float64_le": .f64le, "float64_be": .f64be, "mu_law": .mulaw, "a_law": .alaw,
    ]
}
