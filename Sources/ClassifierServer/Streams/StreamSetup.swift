internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore

/// Everything that an inference loop needs to begin a stream.
struct StreamSetup: Sendable {
    let id: String
    /// The beginning of events' identities.
    let eventIdentity: String
    let model: AudioModel
    /// The format of the client's bytes; nil for a source, which pushes samples.
    let audio: AudioFormat?
    var report: ReportOptions
    /// Largest number of queued samples.
    let queueLimit: Int
    /// Whether samples beyond the queue's limit are lost and reported as a gap; otherwise the sender waits.
    let dropsWhenFull: Bool
    /// The kinds of output that the client wants.
    let subscription: Subscription
    /// Whether the stream can be resumed. A resampled stream cannot, because a state does not include the resampler's.
    let keepsState: Bool
    /// Position of the first sample that the client sends; nil is the stream's own position.
    var position: Int64?
    /// The state to resume from.
    var state: [UInt8]?
    /// The reason why a client that asked to resume gets a new stream.
    var note: String?
}

/// The kinds of output that a reader of a stream wants.
package struct Subscription: Sendable, Equatable {
    package var frames = true
    package var events = true
    package var features = false

    func includes(_ record: Record) -> Bool {
        switch record {
        case .frame: frames
        case .event: events
        case .start, .summary, .window, .error, .skipped, .gap, .failure, .end: true
        }
    }
}

/// The format of a client's bytes.
struct AudioFormat: Sendable {
    let format: SampleFormat
    /// Nil is the model's rate.
    let rate: Int?
    let channels: Int
    let selection: ChannelSelection

    /// Returns a decoder.
    /// - Parameter rate: the model's rate.
    func decoder(name: String, rate: Int) throws(AudioError) -> PCMDecoder {
        try PCMDecoder(
            name: name, format: format, sampleRate: self.rate ?? rate, channels: channels, selection: selection,
            rate: rate, remedy: "send the file to POST /v1/classify, or its samples alone")
    }
}

/// The view of a stream that its client or source has.
struct OpenStream: Sendable {
    let id: String
    let identity: StreamIdentity
    let loop: InferenceLoop
    /// The model's sample rate in Hz.
    let rate: Int
    let start: Record
    /// The stream's own reader, bound to the thread of its loop; a source has none.
    let reader: NIOLoopBound<StreamReader>?

    /// Connects the reader.
    func attach(_ client: NIOLoopBound<any StreamClient>) {
        guard let reader else { return }
        loop.perform { _ in reader.value.attach(client) }
    }

    /// Disconnects the reader.
    func detach() {
        guard let reader else { return }
        loop.perform { _ in reader.value.detach() }
    }

    /// Hands what the client has sent to the stream.
    func send(_ item: StreamInput.Item) { loop.receive(item, of: identity) }

    /// Ends the stream, from any thread. What a client has sent before it went is classified.
    func end(_ reason: EndReason) {
        if reason == .lost { return send(.lost) }
        let identity = identity
        loop.perform { $0.end(identity, reason) }
    }
}

/// The view of a running stream that a watcher has.
struct WatchedStream: Sendable {
    let id: String
    let identity: StreamIdentity
    let number: Int
    let loop: InferenceLoop
    let start: Record
    /// The watcher's reader, bound to the thread of the stream's loop.
    let reader: NIOLoopBound<StreamReader>

    /// Connects the reader.
    func attach(_ client: NIOLoopBound<any StreamClient>) {
        let reader = reader
        loop.perform { _ in reader.value.attach(client) }
    }

    /// Ends watching, from any thread.
    func leave() {
        let (reader, identity, number) = (reader, identity, number)
        loop.perform { loop in
            reader.value.detach()
            loop.unwatch(identity, number)
        }
    }
}

/// Figures of a running stream.
struct StreamStatus: Sendable {
    let id: String
    let model: String
    let rate: Int
    /// Samples that have been classified.
    let position: Int64
    let predictions: Int64
    /// Samples that wait.
    let queued: Int
    /// Samples that were lost.
    let dropped: Int64
    let watchers: Int
}
