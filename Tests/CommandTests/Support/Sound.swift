internal import Glibc
internal import TestSupport

/// Synthetic recordings.
enum Sound {
    /// Returns a gliding, intermittent tone over noise: 16 bits, the same for the same seed.
    static func samples(_ count: Int, seed: UInt64 = 1) -> [Int16] {
        var random = SplitMix64(seed: seed)
        var phase = 0.0
        return (0..<count).map { index in
            let place = Double(index) / 16000
            phase += 2 * Double.pi * (300 + 900 * abs(sin(2 * place))) / 16000
            let loudness = index / 6400 % 2 == 0 ? 0.3 : 0.02
            return Int16(32767 * (loudness * sin(phase) + 0.02 * (random.uniform() - 0.5)))
        }
    }

    /// Returns samples as raw PCM, 16 bits, little-endian.
    static func raw(_ samples: [Int16]) -> [UInt8] {
        samples.flatMap { littleEndian(UInt64(UInt16(bitPattern: $0)), 2) }
    }

    static func raw(_ samples: [Float]) -> [UInt8] { samples.flatMap { littleEndian(UInt64($0.bitPattern), 4) } }
}

/// A WAV file, valid or not.
struct WaveFile {
    var rate = 16000
    var channels = 1
    /// 1 for integers, 3 for floats.
    var tag = 1
    var bits = 16
    var data: [UInt8]

    init(_ samples: [Int16]) { data = Sound.raw(samples) }

    init(_ samples: [Float]) {
        data = Sound.raw(samples)
        tag = 3
        bits = 32
    }

    static let headerSize = 44

    var bytes: [UInt8] {
        let block = channels * bits / 8
        var header = Array("RIFF".utf8) + littleEndian(UInt64(36 + data.count), 4) + Array("WAVEfmt ".utf8)
        header += littleEndian(16, 4) + littleEndian(UInt64(tag), 2) + littleEndian(UInt64(channels), 2)
        header += littleEndian(UInt64(rate), 4) + littleEndian(UInt64(rate * block), 4)
        header += littleEndian(UInt64(max(block, 1)), 2) + littleEndian(UInt64(bits), 2)
        return header + Array("data".utf8) + littleEndian(UInt64(data.count), 4) + data
    }
}

private func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}
