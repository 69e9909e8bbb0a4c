import AudioFrontend
import TestSupport

/// Raw PCM and its values, by the definition of each format in float64.
enum RawSamples {
    /// Random bytes of `count` samples: every code of an integer format can occur, and floats can exceed full scale.
    static func bytes(_ format: SampleFormat, count: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix64(seed: seed)
        switch format {
        case .f32le, .f32be, .f64le, .f64be:
            return encode((0..<count).map { _ in 3 * random.uniform() - 1.5 }, as: format)
        default:
            return (0..<count * format.bytesPerSample).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        }
    }

    /// The bytes of values from -1 to 1; those of floats may be any.
    static func encode(_ values: [Double], as format: SampleFormat) -> [UInt8] {
        values.flatMap { value -> [UInt8] in
            switch format {
            case .f32le: WaveBytes.little(UInt64(Float(value).bitPattern), 4)
            case .f32be: WaveBytes.little(UInt64(Float(value).bitPattern), 4).reversed()
            case .f64le: WaveBytes.little(value.bitPattern, 8)
            case .f64be: WaveBytes.little(value.bitPattern, 8).reversed()
            case .s16le: integer(value, 2)
            case .s16be: integer(value, 2).reversed()
            case .s24le: integer(value, 3)
            case .s32le: integer(value, 4)
            case .s8: integer(value, 1)
            case .u8: [integer(value, 1)[0] ^ 0x80]
            case .mulaw: [muLawCodes[Int(((value + 1) * 1023.5).rounded())]]
            default: preconditionFailure("the tests write no \(format.rawValue) samples of given values")
            }
        }
    }

    private static func integer(_ value: Double, _ size: Int) -> [UInt8] {
        let scale = Double(1 << (8 * size - 1) - 1)
        return WaveBytes.little(UInt64(bitPattern: Int64((value * scale).rounded())), size)
    }

    /// The codes nearest to 2048 values from -1 to 1.
    private static let muLawCodes: [UInt8] = {
        let values = (0...255).map { muLaw(UInt8($0)) }
        return (0..<2_048).map { index in
            let value = Double(index) / 1_023.5 - 1
            return UInt8(values.indices.min { abs(values[$0] - value) < abs(values[$1] - value) } ?? 0)
        }
    }()

    /// Returns the values of the bytes.
    static func values(_ bytes: [UInt8], _ format: SampleFormat) -> [Double] {
        let size = format.bytesPerSample
        return stride(from: 0, to: bytes.count / size * size, by: size).map { start in
            let sample = Array(bytes[start..<start + size])
            return switch format {
            case .u8: (Double(sample[0]) - 128) / 128
            case .s8, .s16be, .s24be, .s32be: signed(sample)
            case .s16le, .s24le, .s32le: signed(sample.reversed())
            // An offset in place of a sign.
            case .u16be: Double(integer(sample)) / 32_768 - 1
            case .u16le: Double(integer(sample.reversed())) / 32_768 - 1
            // Three bytes in a container of four.
            case .s24in32be: signed(Array(sample[1...]))
            case .s24in32le: signed(sample[..<3].reversed())
            case .f32be: Double(Float(bitPattern: UInt32(integer(sample))))
            case .f32le: Double(Float(bitPattern: UInt32(integer(sample.reversed()))))
            case .f64be: Double(bitPattern: integer(sample))
            case .f64le: Double(bitPattern: integer(sample.reversed()))
            case .alaw: aLaw(sample[0])
            case .mulaw: muLaw(sample[0])
            }
        }
    }

    /// The samples of each channel.
    static func channels(_ values: [Double], count: Int) -> [[Double]] {
        (0..<count).map { channel in stride(from: channel, to: values.count, by: count).map { values[$0] } }
    }

    /// An integer whose highest byte comes first.
    private static func integer(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    /// A two's complement integer, relative to its full scale.
    private static func signed(_ bytes: [UInt8]) -> Double {
        let range = Double(UInt64(1) << UInt64(8 * bytes.count))
        let value = Double(integer(bytes))
        return (value < range / 2 ? value : value - range) / (range / 2)
    }

    /// ITU-T G.711, table 1: decoder output values in units of 1/4096 of full scale.
    private static func aLaw(_ byte: UInt8) -> Double {
        let code = byte ^ 0b0101_0101
        let (segment, step) = (Int(code >> 4) & 7, Double(code & 15))
        let magnitude = segment == 0 ? 2 * step + 1 : (2 * step + 33) * Double(1 << (segment - 1))
        return (code >= 128 ? magnitude : -magnitude) / 4096
    }

    /// ITU-T G.711, table 2: in units of 1/8192.
    private static func muLaw(_ byte: UInt8) -> Double {
        let code = ~byte
        let (segment, step) = (Int(code >> 4) & 7, Double(code & 15))
        let magnitude = (2 * step + 33) * Double(1 << segment) - 33
        // The code of minus zero is a plain zero.
        return code < 128 || magnitude == 0 ? magnitude / 8192 : -magnitude / 8192
    }
}
