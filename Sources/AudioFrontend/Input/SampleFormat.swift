/// How the samples of a raw stream are written. Integers become floats as libsndfile makes them: divided by 2^(bits - 1).
public enum SampleFormat: String, Sendable, CaseIterable {
    case u8, s8, s16le, s16be, s24le, s24be, s32le, s32be, f32le, f32be, f64le, f64be, alaw, mulaw

    public var bytesPerSample: Int {
        switch self {
        case .u8, .s8, .alaw, .mulaw: 1
        case .s16le, .s16be: 2
        case .s24le, .s24be: 3
        case .s32le, .s32be, .f32le, .f32be: 4
        case .f64le, .f64be: 8
        }
    }

    /// The first `count` samples in `bytes`, to the beginning of `samples`.
    func decode(_ bytes: [UInt8], _ count: Int, into samples: inout [Float]) {
        let span = bytes.span
        let size = bytesPerSample
        if self == .s16le {  // the microphones' format, with the choice of format out of the loop
            for index in 0..<count { samples[index] = Self.s16le.sample(span, index * size) }
        } else {
            for index in 0..<count { samples[index] = sample(span, index * size) }
        }
    }

    /// The sample whose bytes start at `offset`.
    @inline(__always)
    func sample(_ bytes: Span<UInt8>, _ offset: Int) -> Float {
        switch self {
        case .u8: (Float(bytes[offset]) - 128) * 0x1p-7
        case .s8: Float(Int8(bitPattern: bytes[offset])) * 0x1p-7
        case .s16le: Float(Int16(bitPattern: UInt16(word(bytes, offset, 2, little: true)))) * 0x1p-15
        case .s16be: Float(Int16(bitPattern: UInt16(word(bytes, offset, 2, little: false)))) * 0x1p-15
        case .s24le: Float(Int32(bitPattern: word(bytes, offset, 3, little: true) << 8)) * 0x1p-31
        case .s24be: Float(Int32(bitPattern: word(bytes, offset, 3, little: false) << 8)) * 0x1p-31
        case .s32le: Float(Int32(bitPattern: word(bytes, offset, 4, little: true))) * 0x1p-31
        case .s32be: Float(Int32(bitPattern: word(bytes, offset, 4, little: false))) * 0x1p-31
        case .f32le: Float(bitPattern: word(bytes, offset, 4, little: true))
        case .f32be: Float(bitPattern: word(bytes, offset, 4, little: false))
        case .f64le: Float(Double(bitPattern: longWord(bytes, offset, little: true)))
        case .f64be: Float(Double(bitPattern: longWord(bytes, offset, little: false)))
        case .alaw: Float(Self.decodeALaw(bytes[offset])) * 0x1p-15
        case .mulaw: Float(Self.decodeMuLaw(bytes[offset])) * 0x1p-15
        }
    }

    @inline(__always)
    private func word(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int, little: Bool) -> UInt32 {
        var value: UInt32 = 0
        for index in 0..<count {
            let place = little ? index : count - 1 - index
            value |= UInt32(bytes[offset + index]) << UInt32(8 * place)
        }
        return value
    }

    @inline(__always)
    private func longWord(_ bytes: Span<UInt8>, _ offset: Int, little: Bool) -> UInt64 {
        let first = UInt64(word(bytes, offset, 4, little: little))
        let second = UInt64(word(bytes, offset + 4, 4, little: little))
        return little ? first | second << 32 : first << 32 | second
    }

    /// ITU-T G.711: a sign, a segment of 3 bits, a mantissa of 4, every second bit inverted.
    private static func decodeALaw(_ byte: UInt8) -> Int16 {
        let code = byte ^ 0x55
        let segment = Int(code >> 4) & 7
        let mantissa = Int(code & 15) << 4
        let magnitude = segment == 0 ? mantissa + 8 : (mantissa + 0x108) << (segment - 1)
        return Int16(code & 0x80 == 0 ? -magnitude : magnitude)
    }

    /// ITU-T G.711: all bits inverted; the magnitude is biased by 132.
    private static func decodeMuLaw(_ byte: UInt8) -> Int16 {
        let code = ~byte
        let magnitude = (((Int(code & 15) << 3) + 132) << (Int(code >> 4) & 7)) - 132
        return Int16(code & 0x80 == 0 ? magnitude : -magnitude)
    }
}
