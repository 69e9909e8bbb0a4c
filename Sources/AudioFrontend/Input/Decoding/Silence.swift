/// Samples of zero that a container states without their bytes.
final class Silence: SampleSource {
    let sampleRate: Int
    let channels: Int
    let length: Int64?
    private var remaining: Int64

    /// Makes an input that was interrupted before its first sample.
    init(rate: Int) { (sampleRate, channels, length, remaining) = (rate, 1, nil, 0) }

    /// - Parameter channels: those of the samples around.
    init(_ layout: SilenceLayout, channels: Int, of name: String) throws(AudioError) {
        try Limits.check(sampleRate: layout.sampleRate, channels: channels, of: name)
        (sampleRate, self.channels, length, remaining) = (layout.sampleRate, channels, layout.count, layout.count)
    }

    func read(into samples: inout [Float]) -> Int {
        let count = min(samples.count / channels, Int(clamping: remaining))
        remaining -= Int64(count)
        for index in 0..<(count * channels) { samples[index] = 0 }
        return count
    }
}
