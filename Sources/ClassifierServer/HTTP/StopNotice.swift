internal import NIOCore
internal import NIOHTTP1

/// Wakes the task of a request whose body has not come to its end when the service stops, so that the task can answer.
final class StopNotice: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    /// Whether a request has begun and not ended.
    private var isReceiving = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head: isReceiving = true
        case .body: break
        case .end: isReceiving = false
        }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ServiceStops, isReceiving {
            context.fireChannelRead(Self.wrapInboundOut(.body(ByteBuffer())))
            context.fireChannelReadComplete()
        }
        context.fireUserInboundEventTriggered(event)
    }
}
