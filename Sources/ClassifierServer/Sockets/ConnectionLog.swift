internal import NIOCore

/// Logs the end of a connection at `debug`: its side, its bytes and its duration. It is the first handler of the
/// pipeline, so that it sees what the socket sees.
final class ConnectionLog: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData

    private let client: String
    private let metrics: ServerMetrics
    private let began = NIODeadline.now()
    private var received = 0
    private var sent = 0
    /// The first reason for the end.
    private var reason: String?

    init(client: String, metrics: ServerMetrics) {
        self.client = client
        self.metrics = metrics
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Invariant: a connection carries less than 2^63 bytes.
        received += Self.unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        sent += Self.unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { note("the client ended its input") }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        note(PlainFailure.text(error))
        context.fireErrorCaught(error)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .all { note("the service closed it") }
        context.close(mode: mode, promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        metrics.disconnected(
            client, reason: reason ?? "the client closed it", received: received, sent: sent,
            seconds: Double((NIODeadline.now() - began).nanoseconds) * 1e-9)
        context.fireChannelInactive()
    }

    private func note(_ reason: String) { self.reason = self.reason ?? reason }
}
