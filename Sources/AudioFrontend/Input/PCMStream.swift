/// Raw interleaved samples from a stream of bytes. A sample frame that a read cuts in two is completed by the next.
final class PCMStream: SampleSource {
    let sampleRate: Int
    let channels: Int
    let length: Int64?
    private let bytes: ByteStream
    private let format: SampleFormat
    /// Bytes of audio that are left, where a header said how many there are.
    private var remaining: Int64?
    private var carried: [UInt8] = []

    /// - Parameter size: bytes of audio, or nil to read to the stream's end. What follows them is read and dropped, so that the
    ///   writer is not cut off.
    init(_ bytes: ByteStream, format: SampleFormat, sampleRate: Int, channels: Int, size: Int64? = nil)
        throws(AudioError)
    {
        try Limits.check(sampleRate: sampleRate, channels: channels, of: bytes.name)
        self.bytes = bytes
        self.format = format
        self.sampleRate = sampleRate
        self.channels = channels
        self.remaining = size
        self.length = size.map { $0 / Int64(format.bytesPerSample * channels) }
    }

    /// Bytes behind the last whole sample frame, once the stream has ended.
    var leftover: Int { carried.count }
    /// Bytes that the header promised and that did not come, once the stream has ended.
    var missing: Int64 { bytes.isInterrupted ? 0 : remaining ?? 0 }
    /// Whether it has ended because the reader was asked to stop.
    var isInterrupted: Bool { bytes.isInterrupted }

    func read(into samples: inout [Float]) throws(AudioError) -> Int {
        let frameBytes = format.bytesPerSample * channels
        var wanted = samples.count / channels * frameBytes
        if let remaining { wanted = min(wanted, Int(clamping: remaining) + carried.count) }
        while carried.count < frameBytes {
            let got = wanted > carried.count ? try bytes.read(wanted - carried.count, into: &carried) : 0
            if got == 0 {
                try drain()
                return 0
            }
            if let left = remaining { remaining = left - Int64(got) }
        }
        let frames = carried.count / frameBytes
        format.decode(carried, frames * channels, into: &samples)
        carried.removeFirst(frames * frameBytes)
        return frames
    }

    private func drain() throws(AudioError) {
        guard remaining != nil else { return }
        var rest: [UInt8] = []
        while try bytes.read(65536, into: &rest) > 0 { rest.removeAll(keepingCapacity: true) }
    }
}
