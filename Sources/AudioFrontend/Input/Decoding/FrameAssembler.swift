/// A converter from bytes to interleaved samples. A sample frame (a sample of every channel) that is cut by a read is
/// completed by the next one.
struct FrameAssembler {
    let format: SampleFormat
    let channels: Int
    /// Size of a sample frame in bytes.
    let frameBytes: Int
    /// Bytes that are not decoded yet.
    var pending: [UInt8] = []

    init(format: SampleFormat, channels: Int) {
        self.format = format
        self.channels = channels
        frameBytes = format.bytesPerSample * channels
    }

    /// Decodes the complete sample frames, at most as many as fit.
    /// - Returns: the number of sample frames.
    mutating func decode(into samples: inout [Float]) -> Int {
        let frames = min(pending.count / frameBytes, samples.count / channels)
        guard frames > 0 else { return 0 }
        format.decode(pending, frames * channels, into: &samples)
        pending.removeFirst(frames * frameBytes)
        return frames
    }
}
