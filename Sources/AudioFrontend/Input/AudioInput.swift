internal import Glibc

/// What a caller knows about an input that may not say it itself.
public struct InputOptions: Sendable {
    public enum Container: String, Sendable, CaseIterable {
        /// By the first bytes: a container that libsndfile knows, or else raw samples.
        case auto
        case wav
        case raw
    }

    public var container = Container.auto
    /// Of raw samples; nil is `s16le`.
    public var sampleFormat: SampleFormat?
    /// Of raw samples, in Hz; nil is the reader's own rate.
    public var sampleRate: Int?
    /// Of raw samples; nil is one.
    public var channels: Int?
    public var selection = ChannelSelection.mix
    /// A descriptor that ends a stream when it becomes readable.
    public var interrupt: Int32?

    public init() {}
}

/// Any input as mono samples at one rate: opens, decodes, chooses or mixes channels, resamples, refuses what is not a number.
///
/// ```swift
/// var input = try AudioInput(path: "dog.flac", rate: 16000)
/// while try input.read({ samples in print(samples.count) }) {}
/// ```
public struct AudioInput: ~Copyable {
    public let name: String
    /// The rate that comes out, in Hz.
    public let rate: Int
    private let source: any SampleSource
    private let mixer: ChannelMixer
    private var resampler: Resampler?
    private var interleaved: [Float]
    private var mono: [Float]
    /// Sample frames read from the source.
    private var position: Int64 = 0
    private var failure: AudioError?
    private var ended = false

    /// Opens a file, or a FIFO, or standard input where `path` is `-`.
    public init(path: String, rate: Int, options: InputOptions = InputOptions()) throws(AudioError) {
        try self.init(FileName(path), rate: rate, options: options)
    }

    /// Opens a file, or a FIFO, or standard input where the name is `-`.
    public init(_ file: FileName, rate: Int, options: InputOptions = InputOptions()) throws(AudioError) {
        if file.isStandardInput {
            try self.init(descriptor: STDIN_FILENO, name: "standard input", rate: rate, options: options)
            return
        }
        let path = file.description
        var status = stat()
        let isStream = unsafe file.withCString { unsafe stat($0, &status) } == 0 && ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
        if isStream || options.container == .raw && status.st_mode & S_IFMT == S_IFREG {
            let bytes = try Self.open(file, options)
            try self.init(Self.source(bytes, rate: rate, options: options), name: path, rate: rate, options: options)
            return
        }
        let recording = try SoundFile(file)
        if recording.length == nil {
            // libsndfile takes a size of 0 at its word; in a WAV file that was captured from a pipe it means "to the end".
            let bytes = try Self.open(file, options)
            if Container.isWave(try bytes.peek(12)) {
                try self.init(
                    Self.source(bytes, rate: rate, options: options), name: path, rate: rate, options: options)
                return
            }
        }
        try self.init(recording, name: path, rate: rate, options: options)
    }

    /// Reads a stream of bytes, seekable or not.
    public init(
        descriptor: Int32, name: String, rate: Int, options: InputOptions, owned: Bool = false
    ) throws(AudioError) {
        let bytes = ByteStream(descriptor: descriptor, name: name, interrupt: options.interrupt, owned: owned)
        try self.init(try Self.source(bytes, rate: rate, options: options), name: name, rate: rate, options: options)
    }

    init(_ source: any SampleSource, name: String, rate: Int, options: InputOptions) throws(AudioError) {
        if !(source is PCMStream) || options.container != .raw {
            try Self.compare(options.sampleRate, source.sampleRate, "Hz", "--rate", name)
            try Self.compare(options.channels, source.channels, "channels", "--channels", name)
        }
        let mixer = try ChannelMixer(channels: source.channels, selection: options.selection, of: name)
        let resampler = source.sampleRate == rate ? nil : try Resampler(from: source.sampleRate, to: rate)
        self.name = name
        self.rate = rate
        self.source = source
        self.resampler = resampler
        self.mixer = mixer
        interleaved = [Float](repeating: 0, count: 4096 * source.channels)
        mono = [Float](repeating: 0, count: 4096)
    }

    /// The rate of the recording itself, in Hz.
    public var sourceRate: Int { source.sampleRate }
    /// Seconds in all, where that is known.
    public var seconds: Double? { source.length.map { Double($0) / Double(source.sampleRate) } }
    /// Seconds read so far.
    public var secondsRead: Double { Double(position) / Double(source.sampleRate) }
    /// Bytes that were left of a last, incomplete sample.
    public var leftoverBytes: Int { (source as? PCMStream)?.leftover ?? 0 }
    /// Bytes that a WAV header promises and that did not come, at the end.
    public var missingBytes: Int64 {
        if let stream = source as? PCMStream { return stream.missing }
        return source is SoundFile ? WaveHeader.missingBytes(of: name) : 0
    }

    /// Hands over the next samples.
    /// - Returns: false at the end, after the last samples.
    /// - Throws: ``AudioError`` where decoding fails or a sample is not finite; the samples before it have been handed over.
    public mutating func read(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) -> Bool {
        if let failure { throw failure }
        if ended { return false }
        let count: Int
        do { count = try source.read(into: &interleaved) } catch {
            try resampler?.finish(body)
            failure = error
            throw error
        }
        if count == 0 {
            ended = true
            // A microphone that is stopped before its first sample has done nothing wrong.
            let isInterrupted = (source as? PCMStream)?.isInterrupted ?? false
            guard position > 0 || isInterrupted else {
                throw AudioError(.decode, "\(name): there is no sample in it")
            }
            try resampler?.finish(body)
            return false
        }
        let finite = mixer.mix(interleaved, count: count, into: &mono)
        position += Int64(finite)
        if resampler != nil {
            try resampler?.push(mono, count: finite, body)
        } else if finite > 0 {
            try body(mono.span.extracting(0..<finite))
        }
        if finite < count {
            try resampler?.finish(body)
            failure = AudioError(
                .sample,
                "\(name): sample \(position) (\(secondsRead) s) is not a finite number; what came before it was used")
        }
        return true
    }

    private static func compare(_ claimed: Int?, _ actual: Int, _ unit: String, _ flag: String, _ name: String)
        throws(AudioError)
    {
        guard let claimed, claimed != actual else { return }
        throw AudioError(
            .description,
            "\(name): \(flag) \(claimed) contradicts the input, which has \(actual) \(unit); leave \(flag) out, it describes raw samples"
        )
    }

    private static func open(_ file: FileName, _ options: InputOptions) throws(AudioError) -> ByteStream {
        let descriptor = unsafe file.withCString { unsafe Glibc.open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw AudioError(.notFound, "\(file): \(SoundFile.systemError())") }
        return ByteStream(descriptor: descriptor, name: file.description, interrupt: options.interrupt, owned: true)
    }

    private static func source(_ bytes: ByteStream, rate: Int, options: InputOptions) throws(AudioError)
        -> any SampleSource
    {
        if options.container != .raw {
            let head = try bytes.peek(12)
            guard !head.isEmpty || bytes.isInterrupted else {
                throw AudioError(.decode, "\(bytes.name): there is no byte in it")
            }
            if Container.isWave(head) {
                if let wave = try WaveHeader.read(bytes) {
                    return try PCMStream(
                        bytes, format: wave.format, sampleRate: wave.sampleRate, channels: wave.channels,
                        size: wave.size)
                }
                return try SpooledFile.open(bytes)
            }
            guard options.container == .auto || bytes.isInterrupted else {
                throw AudioError(
                    .decode,
                    "\(bytes.name): the stream does not begin with a WAV header; for bare samples use --input-format raw"
                )
            }
            if Container.isKnown(head) { return try SpooledFile.open(bytes) }
        }
        let sampleRate = options.sampleRate ?? rate
        let channels = options.channels ?? 1
        try Limits.check(sampleRate: sampleRate, channels: channels, of: bytes.name, byCaller: true)
        return try PCMStream(
            bytes, format: options.sampleFormat ?? .s16le, sampleRate: sampleRate, channels: channels)
    }
}
