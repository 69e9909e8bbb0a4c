/// Bytes to interleaved samples. A sample frame (a sample of every channel) that a read cuts in two is completed by the
/// next.
struct FrameAssembler {
    let format: SampleFormat
    let channels: Int
    /// Bytes of a sample frame.
    let frameBytes: Int
    /// Bytes that are not decoded yet.
    var pending: [UInt8] = []

    init(format: SampleFormat, channels: Int) {
        self.format = format
        self.channels = channels
        frameBytes = format.bytesPerSample * channels
    }

    /// Decodes the whole sample frames that are there, and at most as many as fit.
    /// - Returns: the number of sample frames.
    mutating func decode(into samples: inout [Float]) -> Int {
        let frames = min(pending.count / frameBytes, samples.count / channels)
        guard frames > 0 else { return 0 }
        format.decode(pending, frames * channels, into: &samples)
        pending.removeFirst(frames * frameBytes)
        return frames
    }
}
