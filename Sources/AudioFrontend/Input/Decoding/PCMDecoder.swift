/// A converter from raw PCM, which the caller reads for example from a socket, to mono samples at one rate. The result
/// is the same for every way in which the bytes are cut, and equals that of ``AudioInput``.
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
    /// Whether the first bytes have been checked.
    private var isIdentified = false
    private let remedy: String

    /// - Parameters:
    ///   - rate: the sample rate of the output, in Hz.
    ///   - remedy: what to do with a container, for the message that refuses it.
    /// - Throws: ``AudioError`` `description` for an impossible rate, number of channels or channel.
    public init(
        name: String, format: SampleFormat, sampleRate: Int, channels: Int = 1, selection: ChannelSelection = .mix,
        rate: Int, remedy: String = "read them with AudioInput"
    ) throws(AudioError) {
        try Limits.check(sampleRate: sampleRate, channels: channels, of: name, byCaller: true)
        converter = try MonoConverter(
            name: name, sampleRate: sampleRate, channels: channels, selection: selection, rate: rate)
        assembler = FrameAssembler(format: format, channels: channels)
        interleaved = [Float](repeating: 0, count: MonoConverter.capacity * channels)
        self.name = name
        self.remedy = remedy
    }

    /// The format of the bytes.
    public var format: SampleFormat { assembler.format }
    /// The rate of the bytes, in Hz.
    public var sampleRate: Int { converter.sampleRate }
    public var channels: Int { converter.channels }

    /// Number of bytes of an incomplete sample frame.
    public var leftoverBytes: Int { assembler.pending.count }

    /// The sentence of ``AudioInput/missingAudio`` on an incomplete last sample; `nil` for whole samples. Known at the
    /// end.
    package var missingAudio: String? { AudioInput.leftover(leftoverBytes, of: name) }

    /// The sentence of ``AudioInput/warnings`` on channels that cancel each other; `nil` for others. Known at the end.
    package var cancellation: String? { converter.cancellationSentence.map { "\(name): \($0)" } }

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

    /// Ends the stream: hands over the rest of the resampler's samples.
    public mutating func finish(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        if !isIdentified { try identify(isWhole: true) }
        try push([], body)
        try converter.finish(body)
    }

    /// Refuses a container, whose bytes would be noise as samples.
    /// - Returns: false until there are enough bytes for the check.
    @discardableResult
    private mutating func identify(isWhole: Bool = false) throws(AudioError) -> Bool {
        let (content, isKnown) = ContentIdentifier.inRawStream(assembler.pending, isWhole: isWhole)
        isIdentified = isKnown
        guard let content else { return isKnown }
        throw AudioError(
            .decode,
            "\(name): these bytes are \(content.name), not raw PCM; \(remedy)")
    }
}
