internal import AudioClassifier
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOWebSocket

/// Serves the connections of `listen.http`: HTTP/1.1, or a WebSocket after an upgrade.
struct HTTPServer: Sendable {
    private typealias Requests = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>

    let hub: StreamHub
    let access: AccessControl
    let limits: ServeConfiguration.Limits
    let router: RequestRouter
    /// TLS of the listener; nil for plain HTTP.
    let tls: ServerTLS?
    let connections: OpenConnections

    // MARK: Pipeline

    func initialize(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            if let tls {
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context))
            }
            let upgrade = UpgradeRequest()
            let inputEnd = InputEnd()
            try channel.pipeline.syncOperations.addHandler(inputEnd)
            let boundInputEnd = NIOLoopBound(inputEnd, eventLoop: channel.eventLoop)
            // A client that goes before its WebSocket is served leaves nothing.
            channel.closeFuture.whenComplete { _ in upgrade.leave()?.abandon() }
            var configuration = NIOUpgradableHTTPServerPipelineConfiguration(
                upgradeConfiguration: .init(
                    upgraders: [upgrader(upgrade, boundInputEnd)],
                    notUpgradingCompletionHandler: { requests($0, upgrade, boundInputEnd.value) }))
            configuration.enableErrorHandling = false
            configuration.decoderConfiguration.maxHeaderFieldSize = limits.headerBytes
            configuration.decoderConfiguration.maxHeaderListSize = limits.headerBytes
            let result = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: configuration)
            let handler = try channel.pipeline.syncOperations.handler(
                type: NIOTypedHTTPServerUpgradeHandler<Void>.self)
            // Invariant: settings of times are at most a day.
            let limit = TimeAmount.nanoseconds(Int64(limits.idleSeconds * 1e9))
            try channel.pipeline.syncOperations.addHandlers(
                ParserErrorAnswer(limit: limit), UpgradeFilter(inputEnd), position: .before(handler))
            // Bounds the time of the first request, even of a client that sends a byte now and then.
            let deadline = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
            result.whenComplete { _ in deadline.cancel() }
        }
    }

    /// Serves requests, in a task that owns the connection from its first moment on.
    private func requests(
        _ channel: any Channel, _ upgrade: UpgradeRequest, _ inputEnd: InputEnd
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            defer { inputEnd.release() }
            try channel.pipeline.syncOperations.addHandlers([
                StopNotice(), RequestTimeout(seconds: limits.idleSeconds, inputEnd: inputEnd), ResponseBuffers(),
            ])
            let requests = try Requests(wrappingChannelSynchronously: channel)
            let client = channel.clientAddress
            connections.serve(channel) {
                // An error means that the connection broke, or that its bytes were no HTTP, which
                // `ParserErrorAnswer` has answered.
                try? await requests.executeThenClose { inbound, outbound in
                    try await serve(inbound, outbound, upgrade, channel, client: client)
                }
            }
        }
    }

    private func upgrader(
        _ upgrade: UpgradeRequest, _ inputEnd: NIOLoopBound<InputEnd>
    ) -> NIOTypedWebSocketServerUpgrader<Void> {
        NIOTypedWebSocketServerUpgrader(
            maxFrameSize: limits.messageBytes, enableAutomaticErrorHandling: false,
            shouldUpgrade: { channel, head in
                channel.eventLoop.makeFutureWithTask { await answer(head, upgrade, channel) }
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    // The upgrade handler passes on what the client has sent meanwhile, and its end after that.
                    defer { inputEnd.value.release() }
                    try serveWebSocket(channel, upgrade)
                }
            })
    }

    private func serveWebSocket(_ channel: any Channel, _ upgrade: UpgradeRequest) throws {
        let pipeline = channel.pipeline.syncOperations
        let outlet = try pipeline.context(handlerType: WebSocketFrameEncoder.self)
        // What is written from here on are frames, and no parts of HTTP.
        try pipeline.removeHandler(pipeline.handler(type: ParserErrorAnswer.self), promise: nil)
        guard let task = upgrade.takeTask() else { throw ChannelError.alreadyClosed }
        let handler = WebSocketHandler(
            task, limits: limits, outputs: hub.defaults.outputs, connections: hub.connections)
        do {
            let decoder = try pipeline.handler(type: ByteToMessageHandler<WebSocketFrameDecoder>.self)
            try pipeline.addHandler(WebSocketLengthCheck(), position: .before(decoder))
            try pipeline.addHandler(WebSocketFrameCheck())
            try pipeline.addHandler(
                NIOWebSocketFrameAggregator(
                    minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: WebSocketFault.mostFragments,
                    maxAccumulatedFrameSize: limits.messageBytes))
            try pipeline.addHandler(handler)
        } catch {
            task.abandon()
            throw error
        }
        handler.begin(channel, outlet: outlet)
    }

    /// Decides about an upgrade.
    /// - Returns: headers of the upgrade's answer; nil if it is refused, with the answer in `upgrade`.
    private func answer(_ head: HTTPRequestHead, _ upgrade: UpgradeRequest, _ channel: any Channel) async
        -> HTTPHeaders?
    {
        let client = channel.clientAddress
        if let refused = refusal(of: head, isPublic: false, client: client) {
            upgrade.refuse(refused)
            return nil
        }
        do {
            let origin = WebSocketOrigin(client: client, eventLoop: channel.eventLoop)
            let task = try await router.webSocket(head, origin)
            guard upgrade.accept(task) else {
                task.abandon()
                return nil
            }
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

    private func serve(
        _ inbound: NIOAsyncChannelInboundStream<HTTPServerRequestPart>,
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>, _ upgrade: UpgradeRequest,
        _ channel: any Channel, client: String
    ) async throws {
        var parts = inbound.makeAsyncIterator()
        // The pipeline does not pass on the head of a refused upgrade.
        let refused = upgrade.takeRefusal()
        if let refused { try await outbound.write(contentsOf: refused.parts(keepsAlive: false)) }
        while refused == nil, let part = try await parts.next() {
            guard case .head(let head) = part else { continue }
            // A stopping service waits for the answer.
            hub.connections.enter()
            defer { hub.connections.leave() }
            var exchange = HTTPExchange(
                head: head, client: client, parts: parts, outbound: outbound, bodyLimit: limits.bodyBytes)
            if let refusal = refusal(of: head, isPublic: router.isPublic(head), client: client) {
                try await exchange.answer(refusal)
            } else {
                try await router.respond(&exchange)
            }
            parts = exchange.parts
            if router.files.isStopping { await Self.flush(channel) }
            guard exchange.keepsAlive else { break }
        }
        // A connection that is closed with unread bytes is reset, and its client may lose the answer.
        // `RequestTimeout` bounds the time.
        channel.close(mode: .output, promise: nil)
        while try await parts.next() != nil {}
    }

    /// Returns when the client's system has all that was written, or the connection is closed.
    private static func flush(_ channel: any Channel) async {
        while let left = try? await channel.getOption(.bufferedWritableBytes).get(), left > 0 {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// Removes other upgrades than complete ones to WebSocket from the first request, because the upgrade handler does not
/// pass them on.
/// While an upgrade to WebSocket is decided, it holds back the end of the client's input.
private final class UpgradeFilter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private let inputEnd: InputEnd

    init(_ inputEnd: InputEnd) { self.inputEnd = inputEnd }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(var head):
            let isUpgrade = WebSocketHandshake.isComplete(head)
            if !isUpgrade { head.headers.remove(name: "Upgrade") }
            context.fireChannelRead(Self.wrapInboundOut(.head(head)))
            if !isUpgrade { context.pipeline.syncOperations.removeHandler(self, promise: nil) }
        case .body: context.fireChannelRead(data)
        case .end:
            inputEnd.hold()
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }
}

/// Turns byte buffers into parts of responses.
private final class ResponseBuffers: ChannelOutboundHandler {
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = HTTPServerResponsePart(Self.unwrapOutboundIn(data))
        context.write(Self.wrapOutboundOut(part), promise: promise)
    }
}
