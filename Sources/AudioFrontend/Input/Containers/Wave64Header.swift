/// The header of a Sony Wave64 file: WAV with GUIDs for names and 64-bit sizes, which include the chunk's own head.
enum Wave64Header {
    private static let headSize: Int64 = 24

    // Invariant: sizes of 2^40 bytes and more are refused, or ignored for the samples; sums fit into 64 bits.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        _ = try reader.take(40)
        var format: WaveFormatChunk?
        while true {
            let chunk = try reader.take(24)
            let size = Int64(chunk.little(16, 8)) &- headSize
            if chunk.has("data") {
                guard let format else { throw reader.damaged("samples but no format before them") }
                let known = (1..<1 << 48).contains(size) ? size : nil
                return SoundHeader(
                    layout: format.sampleFormat.map { sample in
                        let frame = Int64(format.channels * sample.bytesPerSample)
                        return PCMLayout(
                            format: sample, sampleRate: format.sampleRate, channels: format.channels,
                            size: known.map { withoutPadding($0, frame) })
                    }, end: known.map { reader.offset + $0 })
            }
            guard (0..<1 << 40).contains(size) else { throw reader.damaged("a chunk of \(size) bytes") }
            // Chunks begin at multiples of eight bytes.
            let padded = (size + 7) / 8 * 8
            if chunk.has("fmt "), format == nil, (16...65_536).contains(size) {
                format = WaveFormatChunk(try reader.take(Int(padded)))
            } else {
                try reader.skip(padded)
            }
        }
    }

    /// Returns the bytes of whole frames, if the others fill up a multiple of eight bytes: FFmpeg counts them.
    private static func withoutPadding(_ size: Int64, _ frame: Int64) -> Int64 {
        let whole = frame > 0 ? size / frame * frame : size
        return (whole + 7) / 8 * 8 == size ? whole : size
    }
}
