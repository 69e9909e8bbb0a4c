extension SampleFormat {
    /// Decodes the first `count` samples of `bytes` to the beginning of `samples`.
    func decode(_ bytes: [UInt8], _ count: Int, into samples: inout [Float]) {
        // Invariant: the callers pass whole samples, and size the buffer for them.
        precondition(count * bytesPerSample <= bytes.count && count <= samples.count)
        unsafe bytes.withUnsafeBytes { input in
            unsafe samples.withUnsafeMutableBufferPointer { output in
                unsafe decode(input, count, to: output)
            }
        }
    }

    /// Chooses the format once, outside of the loops.
    @unsafe private func decode(
        _ bytes: UnsafeRawBufferPointer, _ count: Int, to samples: UnsafeMutableBufferPointer<Float>
    ) {
        /// Integers of a fixed width, in the machine's order.
        @inline(__always)
        func integers<Integer: FixedWidthInteger>(_ scale: Float, _ convert: (Integer) -> Int32) {
            let size = MemoryLayout<Integer>.size
            for index in 0..<count {
                let value = unsafe bytes.loadUnaligned(fromByteOffset: index * size, as: Integer.self)
                unsafe samples[index] = Float(convert(value)) * scale
            }
        }
        /// Three bytes, lowest first at `low`; highest at `high`.
        @inline(__always)
        func packed(_ low: Int, _ high: Int) {
            for index in 0..<count {
                let offset = 3 * index
                let lowest = unsafe UInt32(bytes[offset + low])
                let middle = unsafe UInt32(bytes[offset + 1])
                let highest = unsafe UInt32(bytes[offset + high])
                let bits = lowest << 8 | middle << 16 | highest << 24
                unsafe samples[index] = Float(Int32(bitPattern: bits)) * 0x1p-31
            }
        }
        @inline(__always)
        func floats<Bits: FixedWidthInteger>(_ convert: (Bits) -> Float) {
            let size = MemoryLayout<Bits>.size
            for index in 0..<count {
                unsafe samples[index] = convert(bytes.loadUnaligned(fromByteOffset: index * size, as: Bits.self))
            }
        }
        switch self {
        case .u8: integers(0x1p-7) { (value: UInt8) in Int32(value) - 128 }
        case .s8: integers(0x1p-7) { (value: Int8) in Int32(value) }
        case .u16le: integers(0x1p-15) { (value: UInt16) in Int32(UInt16(littleEndian: value)) - 32_768 }
        case .u16be: integers(0x1p-15) { (value: UInt16) in Int32(UInt16(bigEndian: value)) - 32_768 }
        case .s16le: integers(0x1p-15) { (value: Int16) in Int32(Int16(littleEndian: value)) }
        case .s16be: integers(0x1p-15) { (value: Int16) in Int32(Int16(bigEndian: value)) }
        case .s24le: packed(0, 2)
        case .s24be: packed(2, 0)
        case .s24in32le: integers(0x1p-31) { (value: Int32) in Int32(littleEndian: value) << 8 }
        case .s24in32be: integers(0x1p-31) { (value: Int32) in Int32(bigEndian: value) << 8 }
        case .s32le: integers(0x1p-31) { (value: Int32) in Int32(littleEndian: value) }
        case .s32be: integers(0x1p-31) { (value: Int32) in Int32(bigEndian: value) }
        case .f32le: floats { (bits: UInt32) in Float(bitPattern: UInt32(littleEndian: bits)) }
        case .f32be: floats { (bits: UInt32) in Float(bitPattern: UInt32(bigEndian: bits)) }
        case .f64le: floats { (bits: UInt64) in Float(Double(bitPattern: UInt64(littleEndian: bits))) }
        case .f64be: floats { (bits: UInt64) in Float(Double(bitPattern: UInt64(bigEndian: bits))) }
        case .alaw: integers(0x1p-15) { (code: UInt8) in Int32(Self.decodeALaw(code)) }
        case .mulaw: integers(0x1p-15) { (code: UInt8) in Int32(Self.decodeMuLaw(code)) }
        }
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
