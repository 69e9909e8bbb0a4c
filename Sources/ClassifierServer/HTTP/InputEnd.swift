internal import NIOCore

/// Notes the end of a client's input before other handlers delay it.
///
/// A client that has closed its connection looks like one that has only ended its input, until something is written.
/// While a request is answered and the answer has not begun, `100 Continue` is written, which every client skips: a
/// closed connection then breaks, and the work for it is cancelled.
final class InputEnd: ChannelInboundHandler {
    typealias InboundIn = NIOAny
    typealias OutboundOut = ByteBuffer

    private let upgrade: UpgradeRequest
    /// Whether a complete request waits for the begin of its answer.
    var isAnswerAwaited = false

    init(_ upgrade: UpgradeRequest) { self.upgrade = upgrade }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            upgrade.closeInput()
            if isAnswerAwaited {
                let probe = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
                context.writeAndFlush(Self.wrapOutboundOut(probe), promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }
}
