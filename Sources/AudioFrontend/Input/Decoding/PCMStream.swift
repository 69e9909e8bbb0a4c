/// Raw interleaved samples from a stream of bytes.
final class PCMStream: SampleSource {
    let sampleRate: Int
    let channels: Int
    let length: Int64?
    private let bytes: ByteStream
    private var assembler: FrameAssembler
    /// Bytes of audio that are left; `nil` without a size in the header.
    private var remaining: Int64?

    /// - Parameter layout: the samples; a size of `nil` means to the stream's end.
    init(_ bytes: ByteStream, _ layout: PCMLayout, byCaller: Bool = false) throws(AudioError) {
        try Limits.check(
            sampleRate: layout.sampleRate, channels: layout.channels, of: bytes.name, byCaller: byCaller)
        self.bytes = bytes
        assembler = FrameAssembler(format: layout.format, channels: layout.channels)
        sampleRate = layout.sampleRate
        channels = layout.channels
        remaining = layout.size
        let rest = bytes.fileSize == nil ? nil : max(0, bytes.fileEnd - bytes.position)
        length = (layout.size ?? rest).map { [frameBytes = assembler.frameBytes] in $0 / Int64(frameBytes) }
    }

    /// Bytes after the last whole sample frame, once the stream has ended.
    var leftover: Int { assembler.pending.count }
    /// Bytes that are missing of the size in the header, once the stream has ended.
    var missing: Int64 { bytes.isInterrupted ? 0 : remaining ?? 0 }

    func read(into samples: inout [Float]) throws(AudioError) -> Int {
        var wanted = samples.count / channels * assembler.frameBytes
        if let remaining { wanted = min(wanted, Int(clamping: remaining) + assembler.pending.count) }
        while assembler.pending.count < assembler.frameBytes {
            let count = wanted - assembler.pending.count
            let got = count > 0 ? try bytes.read(count, into: &assembler.pending) : 0
            if got == 0 { return 0 }
            if let left = remaining { remaining = left - Int64(got) }
        }
        return assembler.decode(into: &samples)
    }
}
