internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore
internal import StrictCoding

/// The stream of a source. It begins with the source's first bytes, goes on over short interruptions with a gap as long
/// as they were, and ends when nothing has come for as long as a client may be silent: events must not stay open because
/// nobody listens.
struct SourceStream: ~Copyable {
    /// The stream has been ended by somebody else, a client that has taken its name for example.
    struct Ended: Error {}

    /// Bytes as they are now: what a source says, or what the header of a WAV file says.
    struct Description: Equatable {
        var format: SampleFormat
        var rate: Int
        var channels: Int

        func seconds(_ bytes: Int) -> Double {
            Double(bytes) / Double(format.bytesPerSample * channels * rate)
        }
    }

    let idleSeconds: Double
    /// What the configuration says.
    let configured: Description
    private(set) var description: Description
    private let hub: StreamHub
    private let source: ServeConfiguration.Source
    private let dropsWhenFull: Bool
    private var stream: OpenStream?
    private var receiver: AudioReceiver?
    private var heard = NIODeadline.now()
    private var isInterrupted = false
    /// Samples that the stream had got before its receiver's.
    private var samples: Int64 = 0

    /// - Parameter dropsWhenFull: what does not fit is lost, and said to be; otherwise the source waits.
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

    /// What comes next begins with a whole sample, and is as described.
    mutating func begin(_ next: Description) async throws {
        // Whatever becomes of the end of what came before, what comes next is described.
        defer { description = next }
        defer { dropReceiver() }
        if stream != nil { try await receiver?.finish() }
    }

    /// The source has stopped and will come back: what it would have said meanwhile is lost.
    mutating func interrupt() {
        dropReceiver()
        isInterrupted = true
    }

    /// - Throws: ``AdmissionRefusal`` where the stream cannot begin, and then has taken nothing.
    mutating func receive(_ bytes: [UInt8]) async throws {
        let running: OpenStream
        if let stream { running = stream } else { running = try await open(resumes: false) }
        if isInterrupted {
            let away = Double((NIODeadline.now() - heard).nanoseconds) * 1e-9 - description.seconds(bytes.count)
            if away > 0 { await running.loop.lose(Int64(away * Double(running.rate)), of: running.id) }
            isInterrupted = false
        }
        if receiver == nil {
            receiver = AudioReceiver(
                running,
                try PCMDecoder(
                    name: source.name, format: description.format, sampleRate: description.rate,
                    channels: description.channels, selection: source.selection, rate: running.rate))
        }
        heard = .now()
        do {
            guard try await receiver?.receive(bytes) == true else {
                forget()
                throw Ended()
            }
        } catch let error as AudioError {
            await end(.failed(code: error.code.rawValue, message: error.message))
            throw error
        }
    }

    /// Begins the stream, if there is none.
    /// - Returns: whether there was none.
    mutating func beginIfNeeded() async throws(AdmissionRefusal) -> Bool {
        guard stream == nil else { return false }
        _ = try await open(resumes: false)
        return true
    }

    /// Begins the stream where its state is, or afresh.
    /// - Returns: the sample at which it goes on; nil where it begins afresh, and why.
    mutating func resume() async throws(AdmissionRefusal) -> (sample: Int64?, note: String?) {
        let start = try await open(resumes: true).start
        guard case .start(_, _, _, _, _, _, _, let live?) = start else { return (nil, nil) }
        samples = live.sample
        return (live.isResumed ? live.sample : nil, live.note)
    }

    /// The sample of the stream that comes next.
    var position: Int64 {
        mutating get { samples + (receiver?.count ?? 0) }
    }

    /// Whether a byte's place tells its sample, which a resampler would not let it.
    var isPlaced: Bool { !dropsWhenFull && hub.states.store.folder != nil && stream?.rate == description.rate }

    /// Ends the stream when nothing has come for too long.
    /// - Returns: whether it has been ended.
    @discardableResult
    mutating func endIfSilent() async -> Bool {
        guard stream != nil, silence <= 0 else { return false }
        await end(.idle(message: "nothing came from the source for \(Decimal.text(idleSeconds, 1)) s"))
        return true
    }

    /// Waits before the source is tried again.
    mutating func wait(_ seconds: Double) async {
        var seconds = seconds
        if stream != nil, silence < seconds {
            let first = max(0, silence)
            try? await Task.sleep(for: .seconds(first))
            seconds -= first
            await endIfSilent()
        }
        try? await Task.sleep(for: .seconds(seconds))
    }

    /// Ends the stream; its name is free when this returns.
    mutating func end(_ reason: EndReason) async {
        if let stream {
            await stream.loop.end(stream.id, reason)
            // A task of its own, because the one that asks may have been cancelled.
            await Task { for await _ in stream.completion {} }.value
        }
        forget()
    }

    /// Seconds until it has been silent for too long.
    private var silence: Double { idleSeconds - Double((NIODeadline.now() - heard).nanoseconds) * 1e-9 }

    private mutating func dropReceiver() {
        samples = position
        receiver = nil
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
        // What can be gone on with is at the model's rate, whatever a file that is not open yet will say.
        parameters.rate = resumes ? nil : description.rate
        parameters.channels = description.channels
        parameters.selection = source.selection
        parameters.decision = source.decision
        parameters.dropsWhenFull = dropsWhenFull
        // Nobody reads: its records go to who looks on, and its events to the outputs.
        parameters.setEmissions([.events])
        parameters.subscription = Subscription(frames: false, events: false, features: false)
        // A command that comes back after the service has other audio, and a file has the same.
        parameters.keepsState = !dropsWhenFull && hub.states.store.folder != nil
        parameters.resumes = resumes
        let opened = try await hub.open(parameters, prefix: source.name, client: "source:\(source.name)")
        forget()
        stream = opened
        heard = .now()
        return opened
    }
}
