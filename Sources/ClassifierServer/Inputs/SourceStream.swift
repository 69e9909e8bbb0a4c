internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore
internal import StrictCoding

/// The stream of a source. It begins with the source's first bytes, continues over short interruptions with a gap of
/// their length, and ends after `limits.idle_seconds` without audio, so that events do not stay open.
struct SourceStream: ~Copyable {
    /// Another client has ended the stream, for example by taking over its name.
    struct Ended: Error {}

    /// The format of the audio, from the configuration or the header of a WAV file.
    struct Description: Equatable {
        var format: SampleFormat
        var rate: Int
        var channels: Int

        func seconds(_ bytes: Int) -> Double {
            Double(bytes) / Double(format.bytesPerSample * channels * rate)
        }
    }

    let idleSeconds: Double
    /// The configured format.
    let configured: Description
    private(set) var description: Description
    private let hub: StreamHub
    private let source: ServeConfiguration.Source
    private let dropsWhenFull: Bool
    private var stream: OpenStream?
    private var receiver: AudioReceiver?
    private var lastArrival = NIODeadline.now()
    private var isInterrupted = false
    /// The part of events' identities that distinguishes the stream from the source's earlier ones, also those of an
    /// earlier process; nil for a stream that a version without this part has begun.
    private(set) var eventPart: String? = StreamName.newPart()
    /// Samples that the stream got before the current receiver.
    private var samples: Int64 = 0

    /// - Parameter dropsWhenFull: whether audio beyond the queue's limit is lost and reported as a gap; otherwise the
    ///   source waits.
    init(
        _ source: ServeConfiguration.Source, hub: StreamHub, dropsWhenFull: Bool, idleSeconds: Double
    ) throws(AdmissionRefusal) {
        self.source = source
        self.hub = hub
        self.dropsWhenFull = dropsWhenFull
        self.idleSeconds = idleSeconds
        let modelRate = try hub.model(source.model).recipe.sampleRate
        configured = Description(
            format: source.format, rate: source.rate ?? modelRate,
            channels: source.channels)
        description = configured
    }

    /// Begins a new part of the source, whose first byte begins a sample of a format.
    mutating func begin(_ next: Description) async throws {
        // The format changes even if the end of the old part fails.
        defer { description = next }
        defer { dropReceiver() }
        if stream != nil { try await receiver?.finish() }
    }

    /// Marks an interruption of the source, whose audio is lost until the next bytes.
    mutating func interrupt() {
        dropReceiver()
        isInterrupted = true
    }

    /// Pushes bytes into the stream, which begins with the first ones.
    /// - Throws: ``AdmissionRefusal`` if the stream cannot begin; the bytes are not used then.
    mutating func receive(_ bytes: [UInt8]) async throws {
        let running: OpenStream
        if let stream { running = stream } else { running = try await open(resumes: false) }
        if isInterrupted {
            // Invariant: a source is away for less than the time since the start of the machine, and rates are below
            // 2^20.
            let away = Double((NIODeadline.now() - lastArrival).nanoseconds) * 1e-9 - description.seconds(bytes.count)
            // Invariant: see above.
            if away > 0 { await running.loop.lose(Int64(away * Double(running.rate)), of: running.identity) }
            isInterrupted = false
        }
        if receiver == nil {
            receiver = AudioReceiver(
                running,
                try PCMDecoder(
                    name: source.name, format: description.format, sampleRate: description.rate,
                    channels: description.channels, selection: source.selection, rate: running.rate,
                    remedy: "a source has raw PCM or WAV; use the output of a command that decodes, such as ffmpeg"))
        }
        lastArrival = .now()
        do {
            guard try await receiver?.receive(bytes) == true else {
                leave()
                throw Ended()
            }
        } catch let error as AudioError {
            await end(.failed(code: error.code.rawValue, message: error.message))
            throw error
        }
    }

    /// Begins the stream if it is not running.
    /// - Returns: whether it has begun.
    mutating func beginIfNeeded() async throws(AdmissionRefusal) -> Bool {
        guard stream == nil else { return false }
        _ = try await open(resumes: false)
        return true
    }

    /// Continues the identities of a stream of an earlier process.
    mutating func resume(eventPart: String?) {
        self.eventPart = eventPart.flatMap { StreamName.isValid($0) ? $0 : nil }
    }

    /// Begins the stream from its saved state, or afresh.
    /// - Returns: the position of a resumed stream; nil with the reason for a new one.
    mutating func resume() async throws(AdmissionRefusal) -> (sample: Int64?, note: String?) {
        let start = try await open(resumes: true).start
        guard case .start(_, _, _, _, _, _, _, let live?) = start else { return (nil, nil) }
        samples = live.sample
        return (live.isResumed ? live.sample : nil, live.note)
    }

    /// Position of the stream's next sample.
    var position: Int64 {
        mutating get { samples + (receiver?.count ?? 0) }
    }

    /// Whether byte offsets map to sample positions. False when the input is resampled.
    var hasByteOffsets: Bool { !dropsWhenFull && hub.states.store.folder != nil && stream?.rate == description.rate }

    /// Ends the stream after too long a silence.
    /// - Returns: whether it has been ended.
    @discardableResult
    mutating func endIfIdle() async -> Bool {
        guard stream != nil, remainingSilence <= 0 else { return false }
        await end(.idle(message: "no audio came from the source for \(Decimal.text(idleSeconds, 1)) s"))
        return true
    }

    /// Waits before another try, and ends the stream in time.
    mutating func wait(_ seconds: Double) async {
        var seconds = seconds
        if stream != nil, remainingSilence < seconds {
            let first = max(0, remainingSilence)
            try? await Task.sleep(for: .seconds(first))
            seconds -= first
            await endIfIdle()
        }
        try? await Task.sleep(for: .seconds(seconds))
    }

    /// Ends the stream. Its name is free on return.
    mutating func end(_ reason: EndReason) async {
        if let stream {
            await stream.loop.end(stream.identity, reason)
            await stream.loop.ended(stream.identity)
        }
        leave()
    }

    /// Seconds that are left until the silence is too long.
    private var remainingSilence: Double { idleSeconds - Double((NIODeadline.now() - lastArrival).nanoseconds) * 1e-9 }

    private mutating func dropReceiver() {
        samples = position
        receiver = nil
    }

    /// Forgets a stream that has ended, whose identities of events are not given again.
    private mutating func leave() {
        forget()
        eventPart = StreamName.newPart()
    }

    private mutating func forget() {
        stream = nil
        receiver = nil
        samples = 0
        isInterrupted = false
    }

    private mutating func open(resumes: Bool) async throws(AdmissionRefusal) -> OpenStream {
        var parameters = StreamParameters(hub.defaults)
        parameters.id = source.name
        parameters.model = source.model
        parameters.format = description.format
        // Only a stream at the model's rate can be resumed; the format of the file is not known yet.
        parameters.rate = resumes ? nil : description.rate
        parameters.channels = description.channels
        parameters.selection = source.selection
        parameters.decision = source.decision
        parameters.dropsWhenFull = dropsWhenFull
        // The stream has no reader of its own: records go to watchers, and events to the outputs.
        parameters.setEmissions([.events])
        parameters.subscription = Subscription(frames: false, events: false, features: false)
        // After a restart of the service a command has other audio, and a file has the same.
        parameters.keepsState = !dropsWhenFull && hub.states.store.folder != nil
        parameters.resumes = resumes
        parameters.eventPart = eventPart
        let opened = try await hub.open(parameters, source: source.name)
        forget()
        stream = opened
        lastArrival = .now()
        return opened
    }
}
