internal import AudioClassifier
internal import NIOCore
internal import NIOWebSocket

/// The purpose of a WebSocket.
enum WebSocketTask: Sendable {
    /// A stream: samples in, records out.
    case stream(OpenStream)
    /// Watching a running stream.
    case watch(WatchedStream)

    /// Ends the task of a client that has gone before its connection was served.
    func abandon() {
        switch self {
        case .stream(let stream): stream.end(.lost)
        case .watch(let stream): stream.leave()
        }
    }
}

/// The channel handler of a WebSocket, which serves a stream or a watcher.
final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    /// Time between pings to a watcher: proxies close a connection on which nothing is said for a minute.
    private static let pingInterval = TimeAmount.seconds(20)

    private let task: WebSocketTask
    private let limits: ServeConfiguration.Limits
    private let outputs: Int
    private let connections: ConnectionCount
    private var connection: ClientConnection?
    private var pings: Scheduled<Void>?
    /// Whether the client has sent all its audio.
    private var isComplete = false
    /// Whether the client has broken the rules of WebSockets.
    private var isBroken = false

    init(_ task: WebSocketTask, limits: ServeConfiguration.Limits, outputs: Int, connections: ConnectionCount) {
        self.task = task
        self.limits = limits
        self.outputs = outputs
        self.connections = connections
    }

    /// Begins to serve.
    /// - Parameter outlet: the place in the pipeline from which bytes of frames go to the socket.
    func begin(_ channel: any Channel, outlet: ChannelHandlerContext) {
        let isStream = if case .stream = task { true } else { false }
        let connection = ClientConnection(
            channel, outlet: outlet, framing: WebSocketFraming(),
            limits: .init(outputs: OutputLimit(outputs: outputs), idleSeconds: isStream ? limits.idleSeconds : nil),
            closesOutput: false, connections: connections
        ) { [unowned self] in end($0) }
        self.connection = connection
        let bound = NIOLoopBound<any StreamClient>(connection, eventLoop: channel.eventLoop)
        switch task {
        case .stream(let stream): connection.write(.record(stream.start))
        case .watch(let stream): connection.write(.record(stream.start))
        }
        // The first write may fail and end the connection. What the client has sent with its request comes before.
        channel.eventLoop.assumeIsolated().execute { self.attach(bound) }
    }

    private func attach(_ client: NIOLoopBound<any StreamClient>) {
        guard let connection else { return }
        switch task {
        case .stream(let stream): stream.attach(client)
        case .watch(let stream):
            stream.attach(client)
            schedulePing(client.eventLoop)
        }
        connection.flush()
    }

    private func end(_ reason: EndReason) {
        switch task {
        case .stream(let stream): stream.end(reason)
        case .watch(let stream):
            stream.leave()
            guard let failure = reason.failure, let connection else { return }
            connection.finish([.failure(stream: stream.id, code: failure.code, message: failure.message)])
            connection.flush()
        }
    }

    private func schedulePing(_ eventLoop: any EventLoop) {
        pings = eventLoop.assumeIsolated().scheduleTask(in: Self.pingInterval) { [weak self] in
            guard let self else { return }
            connection?.write { WebSocketFraming.append(.ping, ByteBuffer(), to: &$0) }
            connection?.flush()
            schedulePing(eventLoop)
        }
    }

    // MARK: Input

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let connection else { return }
        let frame = Self.unwrapInboundIn(data)
        guard !isBroken else {
            if frame.opcode == .connectionClose { connection.endInput(nil) }
            return
        }
        connection.noteActivity()
        switch frame.opcode {
        case .ping: connection.write { WebSocketFraming.append(.pong, frame.unmaskedData, to: &$0) }
        case .connectionClose: close(connection, frame)
        case .binary: receive(.bytes(frame.unmaskedData, arrived: NIODeadline.now().uptimeNanoseconds))
        case .text: receive(text: frame.unmaskedData)
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        connection?.flush()
        context.fireChannelReadComplete()
    }

    /// Hands audio and messages to the stream. What a watcher sends means nothing.
    private func receive(_ item: StreamInput.Item) {
        guard case .stream(let stream) = task, !isComplete, connection?.takesInput == true else { return }
        if case .end = item { isComplete = true }
        stream.send(item)
    }

    private func receive(text: ByteBuffer) {
        guard let content = String(validating: text.readableBytesView, as: UTF8.self) else { return fail(.encoding) }
        guard case .stream = task, !isComplete else { return }
        do throws(ClassifierError) {
            switch try ControlMessage(content.utf8) {
            case .end: receive(.end(arrived: NIODeadline.now().uptimeNanoseconds))
            case .gap(let lost): receive(.gap(lost))
            case .ping(let id): receive(.ping(id: id))
            }
        } catch { end(.failed(code: error.code, message: error.message)) }
    }

    /// Answers a client's close frame, unless it is itself an answer. A client that closes without `end` may resume the
    /// stream.
    private func close(_ connection: ClientConnection, _ frame: WebSocketFrame) {
        var data = frame.unmaskedData
        let code = data.readSlice(length: 2) ?? ByteBuffer()
        connection.close(isComplete ? nil : .lost) { WebSocketFraming.append(.close, code, to: &$0) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { endInput() }
        context.fireUserInboundEventTriggered(event)
    }

    /// Notes that the client sends nothing more, without a close frame. A watcher has no stream whose end would close
    /// its connection.
    private func endInput() {
        guard let connection else { return }
        connection.endInput(isComplete ? nil : .lost)
        guard case .watch = task else { return }
        connection.finish([])
        connection.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let fault = WebSocketFault(error, limit: limits.messageBytes) {
            fail(fault)
        } else if !(isBroken && error is ByteToMessageDecoderError) {
            context.close(promise: nil)
        }
    }

    /// Ends the stream or the watching of a client that breaks the rules. What it sends then means nothing.
    private func fail(_ fault: WebSocketFault) {
        guard !isBroken else { return }
        isBroken = true
        end(.failed(code: fault.code, message: fault.message))
    }

    // MARK: Channel

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        connection?.flush()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        closed()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { closed() }

    private func closed() {
        pings?.cancel()
        guard let connection else { return }
        self.connection = nil
        connection.closed()
        switch task {
        case .stream(let stream): stream.detach()
        case .watch(let stream): stream.leave()
        }
    }
}
