/// Bare samples that the caller reads, from a socket for example, as mono samples at one rate. However the bytes are
/// cut, the same samples come out, and they are those of ``AudioInput``.
///
/// ```swift
/// var decoder = try PCMDecoder(name: "microphone", format: .s16le, sampleRate: 48000, rate: 16000)
/// try decoder.push(bytes) { samples in print(samples.count) }
/// ```
public struct PCMDecoder: ~Copyable {
    public let name: String
    private var assembler: FrameAssembler
    private var converter: MonoConverter
    private var interleaved: [Float]
    /// Whether the first bytes have been looked at.
    private var isIdentified = false

    /// - Parameter rate: the rate that comes out, in Hz.
    /// - Throws: ``AudioError`` `description` for a rate, a number of channels or a channel that cannot be.
    public init(
        name: String, format: SampleFormat, sampleRate: Int, channels: Int = 1, selection: ChannelSelection = .mix,
        rate: Int
    ) throws(AudioError) {
        try Limits.check(sampleRate: sampleRate, channels: channels, of: name, byCaller: true)
        converter = try MonoConverter(
            name: name, sampleRate: sampleRate, channels: channels, selection: selection, rate: rate)
        assembler = FrameAssembler(format: format, channels: channels)
        interleaved = [Float](repeating: 0, count: MonoConverter.capacity * channels)
        self.name = name
    }

    /// The format of the bytes.
    public var format: SampleFormat { assembler.format }
    /// The rate of the bytes, in Hz.
    public var sampleRate: Int { converter.sampleRate }
    public var channels: Int { converter.channels }

    /// Bytes of a sample frame that is not complete yet.
    public var leftoverBytes: Int { assembler.pending.count }

    /// Takes the next bytes and hands over the samples that they complete.
    /// - Throws: ``AudioError`` `sample` where a sample is not finite; the samples before it have been handed over.
    ///   ``AudioError``
    ///   `decode` where the bytes begin with the header of a container.
    public mutating func push(_ bytes: [UInt8], _ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        assembler.pending += bytes
        if !isIdentified, try !identify() { return }
        while true {
            let count = assembler.decode(into: &interleaved)
            guard count > 0 else { return }
            try converter.convert(interleaved, count: count, body)
        }
    }

    /// The end: hands over what the resampler still holds.
    public mutating func finish(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        isIdentified = true
        try push([], body)
        try converter.finish(body)
    }

    /// Refuses a container, which would be heard as noise.
    /// - Returns: false until there are enough bytes to tell.
    private mutating func identify() throws(AudioError) -> Bool {
        let (content, isKnown) = ContentIdentifier.inRawStream(assembler.pending)
        isIdentified = isKnown
        guard let content else { return isKnown }
        throw AudioError(
            .decode,
            "\(name): these bytes are \(content.name), not bare samples; "
                + "send the file to POST /v1/classify, or its samples alone"
        )
    }
}
