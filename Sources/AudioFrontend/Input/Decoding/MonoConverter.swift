/// Interleaved samples to mono samples at one rate: checks, mixes, resamples. It allocates at the beginning only.
struct MonoConverter: ~Copyable {
    let name: String
    let sampleRate: Int
    let channels: Int
    /// Sample frames that were converted.
    private(set) var position: Int64 = 0
    private let mixer: ChannelMixer
    private var resampler: Resampler?
    private var mono: [Float]

    /// Sample frames that one call takes at most.
    static let capacity = 4096

    /// - Parameters:
    ///   - sampleRate: of the interleaved samples, in Hz.
    ///   - rate: of the mono samples, in Hz.
    init(name: String, sampleRate: Int, channels: Int, selection: ChannelSelection, rate: Int) throws(AudioError) {
        let mixer = try ChannelMixer(channels: channels, selection: selection, of: name)
        let resampler = sampleRate == rate ? nil : try Resampler(from: sampleRate, to: rate)
        self.name = name
        self.sampleRate = sampleRate
        self.channels = channels
        self.mixer = mixer
        self.resampler = resampler
        mono = [Float](repeating: 0, count: channels == 1 ? 0 : Self.capacity)
    }

    /// Seconds that were converted.
    var seconds: Double { Double(position) / Double(sampleRate) }

    /// Hands over what the first `count` sample frames become.
    /// - Throws: ``AudioError`` `sample` where a sample is not finite; the samples before it have been handed over.
    mutating func convert(
        _ interleaved: [Float], count: Int, _ body: (Span<Float>) throws(AudioError) -> Void
    ) throws(AudioError) {
        let finite: Int
        if channels == 1 {  // a microphone: its samples are handed over where they are
            finite = ChannelMixer.finiteCount(interleaved, count)
            try hand(interleaved, finite, to: body)
        } else {
            finite = mixer.mix(interleaved, count: count, into: &mono)
            try hand(mono, finite, to: body)
        }
        guard finite == count else {
            throw AudioError(
                .sample,
                "\(name): sample \(position) (\(seconds) s) is not a finite number; what came before it was used")
        }
    }

    /// The end: hands over what the resampler still holds.
    mutating func finish(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        try resampler?.finish(body)
    }

    private mutating func hand(
        _ samples: [Float], _ count: Int, to body: (Span<Float>) throws(AudioError) -> Void
    ) throws(AudioError) {
        position += Int64(count)
        if resampler != nil {
            try resampler?.push(samples, count: count, body)
        } else if count > 0 {
            try body(samples.span.extracting(0..<count))
        }
    }
}
