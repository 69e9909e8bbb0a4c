internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore

/// Serves a connection of raw PCM in and JSON lines out. The connection is one stream with the configured format; when
/// the client ends sending, it gets the rest of the lines.
struct RawStreams: Sendable {
    let hub: StreamHub
    let idleSeconds: Double
    /// Beginning of the streams' names: `tcp` or `unix`.
    let prefix: String

    func initialize(_ channel: any Channel, client: String) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let handler = RawStreamHandler(
                limits: .init(outputs: OutputLimit(outputs: hub.defaults.outputs), idleSeconds: idleSeconds),
                prefix: prefix, connections: hub.connections
            ) { eventLoop in
                eventLoop.makeFutureWithTask { await open(client, eventLoop) }
            }
            // The client is not read from before it has a stream.
            try channel.syncOptions?.setOption(.autoRead, value: false)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
    }

    private func open(_ client: String, _ eventLoop: any EventLoop) async -> Result<OpenStream, AdmissionRefusal> {
        do throws(AdmissionRefusal) {
            return .success(
                try await hub.open(
                    StreamParameters(hub.defaults), prefix: prefix, client: client, eventLoop: eventLoop))
        } catch { return .failure(error) }
    }
}

/// The channel handler of a raw connection.
final class RawStreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let limits: ClientConnection.Limits
    private let prefix: String
    private let connections: ConnectionCount
    private let open: (any EventLoop) -> EventLoopFuture<Result<OpenStream, AdmissionRefusal>>
    private var context: ChannelHandlerContext?
    private var connection: ClientConnection?
    private var stream: OpenStream?
    /// What a client that has ended its input has sent before it had a stream: a channel reads that without being
    /// asked.
    private var early: [ByteBuffer] = []
    private var isInputEnded = false

    /// - Parameter open: begins the stream.
    init(
        limits: ClientConnection.Limits, prefix: String, connections: ConnectionCount,
        open: @escaping (any EventLoop) -> EventLoopFuture<Result<OpenStream, AdmissionRefusal>>
    ) {
        self.limits = limits
        self.prefix = prefix
        self.connections = connections
        self.open = open
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        open(context.eventLoop).assumeIsolated().whenSuccess { self.begin($0) }
        context.fireChannelActive()
    }

    /// Begins with the stream, or with the reason why there is none.
    private func begin(_ result: Result<OpenStream, AdmissionRefusal>) {
        guard let context, context.channel.isActive else {
            // The client has gone meanwhile. What it sent before is classified.
            guard case .success(let stream) = result else { return }
            stream.detach()
            for bytes in early { stream.send(.bytes(bytes, arrived: NIODeadline.now().uptimeNanoseconds)) }
            if isInputEnded { stream.send(.end(arrived: NIODeadline.now().uptimeNanoseconds)) }
            return stream.end(.lost)
        }
        let stream = try? result.get()
        let connection = ClientConnection(
            context.channel, outlet: context, framing: JSONLines(), limits: limits, closesOutput: true,
            connections: connections
        ) { stream?.end($0) }
        self.stream = stream
        self.connection = connection
        // Reading begins before the first write, which may fail and end it.
        connection.setReading(true)
        for bytes in early { receive(bytes) }
        early = []
        switch result {
        case .success(let stream):
            connection.write(.record(stream.start))
            connection.flush()
            stream.attach(NIOLoopBound(connection, eventLoop: context.eventLoop))
        case .failure(let refusal):
            connection.finish([.failure(stream: prefix, code: refusal.reason.rawValue, message: refusal.message)])
            connection.flush()
        }
        if isInputEnded { endInput() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        if connection == nil { early.append(bytes) } else { receive(bytes) }
    }

    private func receive(_ bytes: ByteBuffer) {
        guard let connection, connection.takesInput else { return }
        connection.noteActivity()
        stream?.send(.bytes(bytes, arrived: NIODeadline.now().uptimeNanoseconds))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { endInput() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        connection?.flush()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection?.closed()
        stream?.detach()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Ends the stream after all that the client has sent.
    private func endInput() {
        isInputEnded = true
        guard let connection else { return }
        if connection.takesInput { stream?.send(.end(arrived: NIODeadline.now().uptimeNanoseconds)) }
        connection.endInput(nil)
    }
}

/// Records as lines of JSON.
struct JSONLines: OutputFraming {
    func append(_ record: Record, to buffer: inout ByteBuffer) { append(record.json, to: &buffer) }

    func append(_ output: StreamOutput, to buffer: inout ByteBuffer) {
        switch output {
        case .record(let record): append(record, to: &buffer)
        case .text(let text): append(text, to: &buffer)
        case .features, .pong: break
        }
    }

    private func append(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeString(text)
        buffer.writeInteger(UInt8(ascii: "\n"))
    }

    func appendEnd(failure: String?, to buffer: inout ByteBuffer) {}
}
