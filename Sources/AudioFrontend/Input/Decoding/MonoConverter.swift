/// A converter from interleaved samples to mono samples at one rate: checks, mixes, resamples. Only `init` allocates.
struct MonoConverter: ~Copyable {
    let name: String
    let sampleRate: Int
    let channels: Int
    /// Number of converted sample frames.
    private(set) var position: Int64 = 0
    private let mixer: ChannelMixer
    private var resampler: Resampler?
    private var mono: [Float]
    private var cancellation: ChannelCancellation?

    /// Largest number of sample frames in one call.
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
        if channels > 1, case .mix = selection { cancellation = ChannelCancellation(channels: channels) }
    }

    /// The end of a sentence on channels that cancel each other in their mean; `nil` for others.
    var cancellationSentence: String? { cancellation?.sentence }

    /// Duration of the converted samples, in seconds.
    var seconds: Double { Double(position) / Double(sampleRate) }

    /// Converts the first `count` sample frames and hands over the result.
    /// - Throws: ``AudioError`` `sample` where a sample is not finite; the samples before it have been handed over.
    mutating func convert(
        _ interleaved: [Float], count: Int, _ body: (Span<Float>) throws(AudioError) -> Void
    ) throws(AudioError) {
        let finite: Int
        if channels == 1 {  // a microphone: its samples are handed over without a copy
            finite = ChannelMixer.finiteCount(interleaved, count)
            try hand(interleaved, finite, to: body)
        } else {
            finite = mixer.mix(interleaved, count: count, into: &mono)
            cancellation?.examine(interleaved, mono, count: finite)
            try hand(mono, finite, to: body)
        }
        guard finite == count else {
            throw AudioError(
                .sample,
                "\(name): sample \(position) (\((seconds * 1000).rounded() / 1000) s) is not a finite number; "
                    + "only what came before it can be used")
        }
    }

    /// Ends the stream: hands over the rest of the resampler's samples.
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
