/// An input that was interrupted before its first sample.
final class NoSamples: SampleSource {
    let sampleRate: Int
    let channels = 1
    let length: Int64? = nil

    init(rate: Int) { sampleRate = rate }

    func read(into samples: inout [Float]) -> Int { 0 }
}
