/// Bare samples that somebody else reads, from a socket for example, as mono samples at one rate. However the bytes are cut,
/// the same samples come out, and they are those of ``AudioInput``.
///
/// ```swift
/// var decoder = try PCMDecoder(name: "microphone", format: .s16le, sampleRate: 48000, rate: 16000)
/// try decoder.push(bytes) { samples in print(samples.count) }
/// ```
public struct PCMDecoder: ~Copyable {
    public let name: String
    public let format: SampleFormat
    /// The rate of the bytes, in Hz.
    public let sampleRate: Int
    public let channels: Int
    private let mixer: ChannelMixer
    private var resampler: Resampler?
    private var carried: [UInt8] = []
    private var interleaved: [Float] = []
    private var mono: [Float] = []
    /// Sample frames decoded.
    private var position: Int64 = 0

    /// - Parameter rate: the rate that comes out, in Hz.
    /// - Throws: ``AudioError`` `description` for a rate, a number of channels or a channel that cannot be.
    public init(
        name: String, format: SampleFormat, sampleRate: Int, channels: Int = 1, selection: ChannelSelection = .mix,
        rate: Int
    ) throws(AudioError) {
        try Limits.check(sampleRate: sampleRate, channels: channels, of: name, byCaller: true)
        let mixer = try ChannelMixer(channels: channels, selection: selection, of: name)
        let resampler = sampleRate == rate ? nil : try Resampler(from: sampleRate, to: rate)
        self.name = name
        self.format = format
        self.sampleRate = sampleRate
        self.channels = channels
        self.mixer = mixer
        self.resampler = resampler
    }

    /// Bytes of a sample frame that is not complete yet.
    public var leftoverBytes: Int { carried.count }

    /// Takes the next bytes and hands over the samples that they complete.
    /// - Throws: ``AudioError`` `sample` where a sample is not finite; the samples before it have been handed over.
    public mutating func push(_ bytes: [UInt8], _ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        carried += bytes
        let frameBytes = format.bytesPerSample * channels
        let count = carried.count / frameBytes
        guard count > 0 else { return }
        if mono.count < count {
            interleaved = [Float](repeating: 0, count: count * channels)
            mono = [Float](repeating: 0, count: count)
        }
        format.decode(carried, count * channels, into: &interleaved)
        carried.removeFirst(count * frameBytes)
        let finite = mixer.mix(interleaved, count: count, into: &mono)
        position += Int64(finite)
        if resampler != nil {
            try resampler?.push(mono, count: finite, body)
        } else if finite > 0 {
            try body(mono.span.extracting(0..<finite))
        }
        if finite < count {
            throw AudioError(
                .sample, "\(name): sample \(position) is not a finite number; what came before it was used")
        }
    }

    /// The end: hands over what the resampler still holds.
    public mutating func finish(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        try resampler?.finish(body)
    }
}
