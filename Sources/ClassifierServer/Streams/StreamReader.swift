internal import AudioClassifier
internal import NIOCore

/// One output of a stream.
enum StreamOutput: Sendable {
    case record(Record)
    /// The text of a record that several readers get.
    case text(String)
    /// Log-mel frames as the model sees them, after the index of the first one.
    case features(first: Int64, [Float])
    /// The answer to a client's ping.
    case pong(id: Double?, StreamStatus)
}

/// The connection of a reader. All calls come on its own event loop.
protocol StreamClient: AnyObject {
    /// Adds an output to the next flush.
    func write(_ output: StreamOutput)
    func flush()
    /// Adds the last records to the next flush, after which no output follows.
    func finish(_ records: [Record])
    /// Pauses or resumes the input of a client that sends faster than its stream is classified.
    func setReading(_ isReading: Bool)
}

/// A reader of a stream, as the stream's loop sees it. A connection on the same thread is called directly, another one
/// by its event loop. Until the connection is there the reader keeps what it gets, and after it has gone, nothing.
final class StreamReader {
    private enum Message: Sendable {
        case output(StreamOutput)
        case finish([Record])
        case reading(Bool)
    }

    private let loop: any EventLoop
    private var client: NIOLoopBound<any StreamClient>?
    private var isNear = false
    private var isGone = false
    private var waiting: [Message] = []

    /// - Parameter loop: the event loop of the stream.
    init(_ loop: any EventLoop) { self.loop = loop }

    /// Connects the reader.
    func attach(_ client: NIOLoopBound<any StreamClient>) {
        self.client = client
        isNear = client.eventLoop === loop
        if isNear {
            Self.send(waiting, to: client.value)
            waiting = []
        } else {
            forward(client)
        }
    }

    /// Disconnects the reader, whose connection has gone.
    func detach() {
        client = nil
        waiting = []
        isGone = true
    }

    func write(_ output: StreamOutput) {
        guard !isGone else { return }
        if isNear { client?.value.write(output) } else { waiting.append(.output(output)) }
    }

    func finish(_ records: [Record]) {
        guard !isGone else { return }
        if isNear { client?.value.finish(records) } else { waiting.append(.finish(records)) }
    }

    func setReading(_ isReading: Bool) {
        guard !isGone else { return }
        if isNear { client?.value.setReading(isReading) } else { waiting.append(.reading(isReading)) }
        if !isNear { flush() }
    }

    func flush() {
        guard let client else { return }
        if isNear { client.value.flush() } else { forward(client) }
    }

    /// Hands all that waits to a connection on another thread.
    private func forward(_ client: NIOLoopBound<any StreamClient>) {
        guard !waiting.isEmpty else { return }
        let messages = waiting
        waiting = []
        client.eventLoop.execute { Self.send(messages, to: client.value) }
    }

    private static func send(_ messages: [Message], to client: any StreamClient) {
        for message in messages {
            switch message {
            case .output(let output): client.write(output)
            case .finish(let records): client.finish(records)
            case .reading(let isReading): client.setReading(isReading)
            }
        }
        client.flush()
    }
}
