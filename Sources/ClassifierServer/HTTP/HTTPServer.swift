internal import AudioClassifier
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOWebSocket

/// Serves the connections of `listen.http`: HTTP/1.1, or a WebSocket after an upgrade.
struct HTTPServer: Sendable {
    typealias Requests = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>

    enum Connection: Sendable {
        case requests(Requests, Upgrade)
        case webSocket(WebSocketConnection.Channels, WebSocketTask)
    }

    let hub: StreamHub
    let access: AccessControl
    let limits: ServeConfiguration.Limits
    let router: RequestRouter
    /// TLS of the listener; nil for plain HTTP.
    let tls: ServerTLS?

    /// The result of a request for an upgrade, from the request until its connection is served.
    final class Upgrade: Sendable {
        private enum State {
            case none
            case accepted(WebSocketTask)
            case refused(HTTPAnswer)
        }

        private let state = NIOLockedValueBox(State.none)

        func accept(_ task: WebSocketTask) { state.withLockedValue { $0 = .accepted(task) } }
        func refuse(_ answer: HTTPAnswer) { state.withLockedValue { $0 = .refused(answer) } }

        /// Removes and returns the task of an accepted upgrade.
        func takeTask() -> WebSocketTask? {
            state.withLockedValue { state in
                guard case .accepted(let task) = state else { return nil }
                state = .none
                return task
            }
        }

        /// Removes and returns the answer of a refused upgrade.
        func takeRefusal() -> HTTPAnswer? {
            state.withLockedValue { state in
                guard case .refused(let answer) = state else { return nil }
                state = .none
                return answer
            }
        }
    }

    // MARK: Pipeline

    func initialize(_ channel: any Channel) -> EventLoopFuture<EventLoopFuture<Connection>> {
        channel.eventLoop.makeCompletedFuture {
            if let tls {
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context))
            }
            let upgrade = Upgrade()
            // Ends the stream of a connection that breaks before it is served.
            channel.closeFuture.whenComplete { _ in
                guard case .stream(let stream, _)? = upgrade.takeTask() else { return }
                Task { await stream.loop.end(stream.id, .lost) }
            }
            var configuration = NIOUpgradableHTTPServerPipelineConfiguration(
                upgradeConfiguration: .init(
                    upgraders: [upgrader(upgrade)],
                    notUpgradingCompletionHandler: { requests($0, upgrade) }))
            configuration.decoderConfiguration.maxHeaderFieldSize = limits.headerBytes
            configuration.decoderConfiguration.maxHeaderListSize = limits.headerBytes
            let result = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: configuration)
            let handler = try channel.pipeline.syncOperations.handler(
                type: NIOTypedHTTPServerUpgradeHandler<Connection>.self)
            try channel.pipeline.syncOperations.addHandler(UpgradeFilter(), position: .before(handler))
            try channel.pipeline.syncOperations.addHandler(ParserErrorClose())
            // Bounds the time of the first request, even of a client that sends a byte now and then.
            // Invariant: settings of times are at most a day.
            let limit = TimeAmount.nanoseconds(Int64(limits.idleSeconds * 1e9))
            let deadline = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
            result.whenComplete { _ in deadline.cancel() }
            return result
        }
    }

    private func requests(_ channel: any Channel, _ upgrade: Upgrade) -> EventLoopFuture<Connection> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers([
                RequestTimeout(seconds: limits.idleSeconds), ResponseBuffers(),
            ])
            return .requests(try Requests(wrappingChannelSynchronously: channel), upgrade)
        }
    }

    private func upgrader(_ upgrade: Upgrade) -> NIOTypedWebSocketServerUpgrader<Connection> {
        NIOTypedWebSocketServerUpgrader(
            maxFrameSize: limits.messageBytes,
            shouldUpgrade: { channel, head in
                channel.eventLoop.makeFutureWithTask { await answer(head, upgrade, channel) }
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: 1024,
                            maxAccumulatedFrameSize: limits.messageBytes))
                    guard let task = upgrade.takeTask() else { throw ChannelError.alreadyClosed }
                    // A watcher has nothing to send.
                    if case .stream = task { try IdleFailure.add(to: channel, seconds: limits.idleSeconds) }
                    return .webSocket(
                        try WebSocketConnection.Channels(wrappingChannelSynchronously: channel), task)
                }
            })
    }

    /// Decides about an upgrade.
    /// - Returns: headers of the upgrade's answer; nil if it is refused, with the answer in `upgrade`.
    private func answer(_ head: HTTPRequestHead, _ upgrade: Upgrade, _ channel: any Channel) async -> HTTPHeaders? {
        let client = channel.remoteAddress?.ipAddress ?? "unix"
        if let refused = refusal(of: head, isPublic: false, client: client) {
            upgrade.refuse(refused)
            return nil
        }
        do {
            let origin = WebSocketOrigin(client: client, eventLoop: channel.eventLoop)
            upgrade.accept(try await router.webSocket(head, origin))
        } catch {
            upgrade.refuse(HTTPAnswer(error))
            return nil
        }
        let offered = head.headers[canonicalForm: "Sec-WebSocket-Protocol"]
        guard offered.contains(where: { $0 == AccessControl.streamProtocol }) else { return HTTPHeaders() }
        return HTTPHeaders([("Sec-WebSocket-Protocol", AccessControl.streamProtocol)])
    }

    /// Returns the answer to a request that is not allowed, and logs it; nil for an allowed request.
    private func refusal(of head: HTTPRequestHead, isPublic: Bool, client: String) -> HTTPAnswer? {
        let verdict = access.verdict(head, isPublic: isPublic)
        switch verdict {
        case .allowed: break
        case .unauthorized: hub.metrics.logRefusal("token", "a request without the right token", client: client)
        case .forbidden(let reason): hub.metrics.logRefusal("origin", reason, client: client)
        }
        return HTTPAnswer(verdict)
    }

    // MARK: Requests

    func serve(_ connection: EventLoopFuture<Connection>, client: String) async {
        do {
            switch try await connection.get() {
            case .webSocket(let channel, let task):
                await withTaskExecutorPreference(EventLoopTasks(channel.channel.eventLoop)) {
                    await WebSocketConnection(hub: hub).serve(channel, task)
                }
            case .requests(let channel, let upgrade):
                try await channel.executeThenClose { inbound, outbound in
                    try await serve(inbound, outbound, upgrade, client: client)
                }
            }
        } catch {
            // The connection broke, or its bytes were no HTTP, which the parser has answered.
        }
    }

    private func serve(
        _ inbound: NIOAsyncChannelInboundStream<HTTPServerRequestPart>,
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>, _ upgrade: Upgrade,
        client: String
    ) async throws {
        // The pipeline does not pass on the head of a refused upgrade.
        if let refusal = upgrade.takeRefusal() {
            try await outbound.write(contentsOf: refusal.parts(keepsAlive: false))
            return
        }
        var parts = inbound.makeAsyncIterator()
        while let part = try await parts.next() {
            guard case .head(let head) = part else { continue }
            var exchange = HTTPExchange(
                head: head, client: client, parts: parts, outbound: outbound, bodyLimit: limits.bodyBytes)
            if let refusal = refusal(of: head, isPublic: router.isPublic(head), client: client) {
                try await exchange.answer(refusal)
            } else {
                try await router.respond(&exchange)
            }
            guard exchange.keepsAlive else { return }
            parts = exchange.parts
        }
    }
}

/// Removes other upgrades than WebSocket from the first request, because the upgrade handler does not pass them on.
private final class UpgradeFilter: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = Self.unwrapInboundIn(data) else {
            context.fireChannelRead(data)
            return
        }
        let upgrades = head.headers[canonicalForm: "Upgrade"]
        if !upgrades.contains(where: { $0.lowercased() == "websocket" }) { head.headers.remove(name: "Upgrade") }
        context.fireChannelRead(Self.wrapInboundOut(.head(head)))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

/// Closes a connection after the parser has answered bytes that are no HTTP.
private final class ParserErrorClose: ChannelInboundHandler, Sendable {
    typealias InboundIn = NIOAny

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.fireErrorCaught(error)
        if error is HTTPParserError { context.close(promise: nil) }
    }
}

/// Turns byte buffers into parts of responses.
private final class ResponseBuffers: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: HTTPServerResponsePart =
            switch Self.unwrapOutboundIn(data) {
            case .head(let head): .head(head)
            case .body(let buffer): .body(.byteBuffer(buffer))
            case .end(let trailers): .end(trailers)
            }
        context.write(Self.wrapOutboundOut(part), promise: promise)
    }
}
