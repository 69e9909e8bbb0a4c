/// The header of a WAV stream (RIFF, RIFX, RF64 or BW64) up to its samples.
///
/// Programs that write WAV into a pipe cannot know its length and write a dummy: 0, 0xFFFFFFFF, or the largest that
/// their signed arithmetic allows (sox: 0x7FFFFxxx). All of these mean: to the end.
enum WaveHeader {
    /// Largest valid format chunk.
    private static let longestFormat = 65_536

    // Invariant: fields have 32 bits at most, and sizes of chunks are checked before they are used; sums of them fit
    // into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let head = try reader.take(12)
        let isBig = head.has("RIFX")
        var format: WaveFormatChunk?
        var wideSize: Int64?
        while true {
            let chunk = try reader.take(8)
            let size = isBig ? chunk.big(4, 4) : chunk.little(4, 4)
            if chunk.has("data") {
                guard let format else { throw reader.damaged("samples but no format before them") }
                return header(format, size: size, wideSize: wideSize, reader)
            } else if chunk.has("fmt "), format == nil {
                guard size >= 16 else { throw reader.damaged("a format chunk of \(size) bytes instead of 16 or more") }
                guard size <= longestFormat else { throw reader.damaged("a format chunk of \(size) bytes") }
                format = WaveFormatChunk(try reader.take(size + size % 2), isBig: isBig)
            } else if chunk.has("ds64"), size >= 16, size <= longestFormat {
                // RF64 and BW64 keep the true size here. A dummy is 0 or near the largest number.
                let stated = try reader.take(size + size % 2).little(8, 8)
                wideSize = (1..<1 << 48).contains(stated) ? Int64(stated) : nil
            } else if size <= longestFormat {
                _ = try reader.take(size + size % 2)
            } else {
                try reader.skip(Int64(size + size % 2), head: chunk.count)
            }
        }
    }

    private static func header(
        _ format: WaveFormatChunk, size: Int, wideSize: Int64?, _ reader: HeaderReader
    ) -> SoundHeader {
        var known = (1..<0x7FFF_0000).contains(size) ? Int64(size) : wideSize
        var remark: String?
        if let available = reader.available {
            let rest = available - reader.offset
            if known == nil && size > 0 && Int64(size) <= rest && size != 0xFFFF_FFFF {
                // As large as a dummy, and true.
                known = Int64(size)
            }
            if let stated = known, wideSize == nil, rest - stated >= wrap - slack {
                // A size of 4 GiB or more does not fit into 32 bits: the stated size lacks a multiple of 4 GiB.
                let lost = (rest - stated) / wrap * wrap
                known = lost > 0 && rest - stated - lost <= slack ? stated + lost : nil
                remark =
                    "its header says \(stated) bytes of samples, "
                    + "a size that has wrapped at 4 GiB: it is read to its end, \(known ?? rest) bytes"
            }
        }
        return SoundHeader(
            layout: format.sampleFormat.map {
                PCMLayout(format: $0, sampleRate: format.sampleRate, channels: format.channels, size: known)
            }, end: known.map { reader.offset + $0 }, remark: remark)
    }

    private static let wrap: Int64 = 1 << 32
    /// Most bytes of chunks after the samples of a file with a wrapped size.
    private static let slack: Int64 = 1 << 20
}

/// The `fmt ` chunk of WAV and W64.
struct WaveFormatChunk {
    let sampleRate: Int
    let channels: Int
    /// `nil` for a coding that needs a decoder.
    let sampleFormat: SampleFormat?

    /// - Parameter bytes: 16 or more.
    init(_ bytes: [UInt8], isBig: Bool = false) {
        func field(_ offset: Int, _ count: Int) -> Int {
            isBig ? bytes.big(offset, count) : bytes.little(offset, count)
        }
        channels = field(2, 2)
        sampleRate = field(4, 4)
        let bits = field(14, 2)
        let isExtensible = field(0, 2) == 0xFFFE && bytes.count >= 26
        // The block holds a container of each channel, which may be wider than the sample.
        let block = field(12, 2)
        let least = (bits + 7) / 8
        let stated = channels > 0 && block % channels == 0 ? block / channels : 0
        let size = stated >= least && stated <= 8 ? stated : least
        sampleFormat = Self.format(tag: isExtensible ? field(24, 2) : field(0, 2), bits: bits, size: size, isBig: isBig)
    }

    private static func format(tag: Int, bits: Int, size: Int, isBig: Bool) -> SampleFormat? {
        guard bits > 0 else { return nil }
        return switch (tag, size) {
        case (1, 1): .u8
        case (1, 2): isBig ? .s16be : .s16le
        case (1, 3): isBig ? .s24be : .s24le
        // Fewer bits than the container fill it from the top; arecord's 24 bits in 4 bytes fill it from the bottom.
        case (1, 4) where bits == 24: isBig ? .s24in32be : .s24in32le
        case (1, 4): isBig ? .s32be : .s32le
        case (3, 4) where bits == 32: isBig ? .f32be : .f32le
        case (3, 8) where bits == 64: isBig ? .f64be : .f64le
        case (6, 1) where bits == 8: .alaw
        case (7, 1) where bits == 8: .mulaw
        default: nil
        }
    }
}
