internal import NIOCore

/// Notes the end of a client's input before other handlers delay it.
///
/// A client that has closed its connection looks like one that has only ended its input, until something is written.
/// While a request is answered and the answer has not begun, `100 Continue` is written, which every client skips: a
/// closed connection then breaks, and the work for it is cancelled.
///
/// While an upgrade is decided, the end is held back: the HTTP decoder keeps the bytes that follow the request, and
/// would discard them at the end of the input.
final class InputEnd: ChannelInboundHandler {
    typealias InboundIn = NIOAny
    typealias OutboundOut = ByteBuffer

    /// Whether a complete request waits for the begin of its answer.
    var isAnswerAwaited = false
    private var context: ChannelHandlerContext?
    private var isHeld = false
    /// Whether the end has come while it is held back.
    private var isPending = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Holds back the end of the input.
    func hold() { isHeld = true }

    /// Passes on the end of the input, now or when it comes.
    func release() {
        isHeld = false
        guard isPending else { return }
        isPending = false
        context?.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            if isAnswerAwaited {
                let probe = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
                context.writeAndFlush(Self.wrapOutboundOut(probe), promise: nil)
            }
            guard !isHeld else {
                isPending = true
                return
            }
        }
        context.fireUserInboundEventTriggered(event)
    }
}
