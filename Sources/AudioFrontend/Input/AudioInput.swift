internal import Glibc
internal import StrictCoding

/// Any input as mono samples at one rate: identifies it by its content, decodes, chooses or mixes channels, resamples,
/// and refuses samples that are not finite.
///
/// A path, a pipe and an open file are read by the same code, so that the same bytes give the same samples.
///
/// ```swift
/// var input = try AudioInput(path: "dog.flac", rate: 16000)
/// while try input.read({ samples in print(samples.count) }) {}
/// ```
public struct AudioInput: ~Copyable {
    public let name: String
    /// Sample rate of the output, in Hz.
    public let rate: Int
    private let parts: AudioParts
    private let selection: ChannelSelection
    private var source: any SampleSource
    private var converter: MonoConverter
    private var interleaved: [Float]
    /// Duration of the parts before the present converter's, in seconds.
    private var earlierSeconds = 0.0
    private var hasSamples = false
    private var failure: AudioError?
    private var ended = false

    /// Opens a file, a FIFO, or standard input if `path` is `-`.
    public init(path: String, rate: Int, options: InputOptions = InputOptions()) throws(AudioError) {
        try self.init(FileName(path), rate: rate, options: options)
    }

    /// Opens a file, a FIFO, or standard input if the name is `-`.
    public init(_ file: FileName, rate: Int, options: InputOptions = InputOptions()) throws(AudioError) {
        if file.isStandardInput {
            try self.init(descriptor: STDIN_FILENO, name: "standard input", rate: rate, options: options)
            return
        }
        let bytes = try FileOpening.open(file, interrupt: options.interrupt)
        var options = options
        // A regular file has a format of its own; a FIFO may carry a microphone's raw PCM.
        if bytes.fileSize != nil { options.acceptsRawPCM = false }
        try self.init(bytes, rate: rate, options: options)
    }

    /// Opens a stream of bytes, seekable or not.
    /// - Parameter owned: whether the descriptor is closed at the end.
    public init(
        descriptor: Int32, name: String, rate: Int, options: InputOptions, owned: Bool = false
    ) throws(AudioError) {
        let bytes = ByteStream(descriptor: descriptor, name: name, interrupt: options.interrupt, owned: owned)
        try self.init(bytes, rate: rate, options: options)
    }

    private init(_ bytes: ByteStream, rate: Int, options: InputOptions) throws(AudioError) {
        let parts = try AudioParts(bytes, rate: rate, options: options)
        let source = parts.source
        if options.container != .raw && !bytes.isInterrupted {
            let marks = options.advice.marks
            try Self.compare(options.sampleRate, source.sampleRate, "Hz", "rate", marks, bytes.name)
            try Self.compare(options.channels, source.channels, "channels", "channels", marks, bytes.name)
        }
        let converter = try MonoConverter(
            name: bytes.name, sampleRate: source.sampleRate, channels: source.channels,
            selection: Self.selection(options.selection, of: source), rate: rate)
        name = bytes.name
        self.rate = rate
        self.parts = parts
        self.source = source
        self.converter = converter
        selection = options.selection
        interleaved = [Float](repeating: 0, count: MonoConverter.capacity * source.channels)
    }

    /// The rate of the recording itself, in Hz.
    public var sourceRate: Int { source.sampleRate }
    /// Duration in the header, in seconds; `nil` for a header without one.
    public var seconds: Double? { source.length.map { earlierSeconds + Double($0) / Double(source.sampleRate) } }
    /// Seconds read so far.
    public var secondsRead: Double { earlierSeconds + converter.seconds }
    /// Bytes of an incomplete last sample.
    public var leftoverBytes: Int { (source as? PCMStream)?.leftover ?? 0 }
    /// The missing part of a truncated input, as the end of a sentence; `nil` for a whole one. Known at the end.
    public var truncation: String? { parts.truncation }
    /// Warnings of the recording so far, in their order: what is odd about it, though its samples were used.
    public var warnings: [String] { parts.warnings }
    /// Sentences on missing audio: a truncated input, an incomplete last sample. Known at the end.
    public var missingAudio: [String] {
        let cut = truncation.map { "\(name)\(Self.cutMark)\($0)" }
        return [cut, Self.leftover(leftoverBytes, of: name)].compactMap { $0 }
    }

    /// Returns the sentence on the bytes of an incomplete last sample; `nil` if there are none.
    static func leftover(_ count: Int, of name: String) -> String? {
        guard count > 0 else { return nil }
        return "\(name)\(leftoverMark)its last \(Quantity.text(count, "byte was", "bytes were")) not used"
    }

    private static let cutMark = " is cut: "
    private static let leftoverMark = " ended inside a sample; "

    /// Returns whether a sentence is one of ``missingAudio``, and not another warning.
    /// - Parameter name: that of the input, with which its sentences begin.
    package static func isOfMissingAudio(_ sentence: String, of name: String) -> Bool {
        let words = sentence.hasPrefix(name) ? sentence.dropFirst(name.count) : sentence[...]
        return words.contains(cutMark) || words.contains(leftoverMark)
    }

    /// Whether the interrupt has ended the bytes while samples of earlier bytes are still unread.
    public var isInterrupted: Bool { parts.isInterrupted && !ended }

    /// Hands over the next samples.
    /// - Returns: false at the end, after the last samples.
    /// - Throws: ``AudioError`` where decoding fails or a sample is not finite; the samples before it have been handed
    ///   over.
    public mutating func read(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) -> Bool {
        if let failure { throw failure }
        if ended { return false }
        do throws(AudioError) {
            let count = try source.read(into: &interleaved)
            guard count == 0 else {
                try convert(count, body)
                return true
            }
            if let next = try parts.next() {
                try begin(next, body)
                return true
            }
            // A microphone may be stopped before its first sample.
            guard hasSamples || parts.isInterrupted else {
                let cut = truncation.map { "; the input is cut: \($0)" } ?? ""
                throw AudioError(.decode, "\(name): there is no sample in it\(cut)")
            }
        } catch {
            failure = error
            try converter.finish(body)
            throw error
        }
        ended = true
        try finish(body)
        return false
    }

    /// Hands over the samples that were read. An error in them is thrown by the next call.
    private mutating func convert(
        _ count: Int, _ body: (Span<Float>) throws(AudioError) -> Void
    ) throws(AudioError) {
        hasSamples = true
        do { try converter.convert(interleaved, count: count, body) } catch {
            guard error.code == .sample else { throw error }
            failure = error
            try converter.finish(body)
        }
    }

    /// Ends what has one rate and number of channels.
    private mutating func finish(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        if let sentence = converter.cancellationSentence { parts.warn(sentence) }
        try converter.finish(body)
    }

    /// Continues with the next recording of the same input.
    private mutating func begin(
        _ next: any SampleSource, _ body: (Span<Float>) throws(AudioError) -> Void
    ) throws(AudioError) {
        if next.sampleRate != source.sampleRate || next.channels != source.channels {
            try finish(body)
            earlierSeconds += converter.seconds
            let converter = try MonoConverter(
                name: name, sampleRate: next.sampleRate, channels: next.channels,
                selection: Self.selection(selection, of: next), rate: rate)
            self.converter = converter
            interleaved = [Float](repeating: 0, count: MonoConverter.capacity * next.channels)
        } else {
            _ = try ChannelMixer(
                channels: next.channels, selection: Self.selection(selection, of: next), of: name)
        }
        source = next
    }

    /// Returns the selection of a source's channels. Silence before the first samples does not say how many they have.
    private static func selection(_ selection: ChannelSelection, of source: any SampleSource) -> ChannelSelection {
        guard source is Silence, case .channel(let number) = selection, number > source.channels else {
            return selection
        }
        return .mix
    }

    private static func compare(
        _ claimed: Int?, _ actual: Int, _ unit: String, _ setting: String, _ marks: (before: String, between: String),
        _ name: String
    ) throws(AudioError) {
        guard let claimed, claimed != actual else { return }
        throw AudioError(
            .description,
            "\(name): \(marks.before)\(setting)\(marks.between)\(claimed) contradicts the input, which has \(actual) "
                + "\(unit); leave \(marks.before)\(setting) out, it describes raw samples"
        )
    }
}
