internal import NIOCore
internal import NIOHTTP1

/// Answers bytes that are no HTTP with 400, and ends the connection. There is no such answer while another one is being
/// written, or after the last one of the connection: what follows is nobody's request.
///
/// What the client goes on sending is read and dropped until it ends its input, but not for longer than
/// ``linger``: a connection that is closed with unread bytes is reset, and the client loses the answer.
final class ParserErrorAnswer: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Time for a client to read an answer that came before the end of what it sends.
    static let linger = TimeAmount.seconds(2)

    /// Time for a client to take what was written before.
    private let limit: TimeAmount
    /// Whether an answer has begun and not ended.
    private var isAnswering = false
    /// Whether the newest answer ends the connection.
    private var isLast = false
    /// Whether bytes that are no HTTP have come: the task of a request may answer at the same time, and is too late.
    private var isBroken = false
    private var isStopping = false
    private var deadline: Scheduled<Void>?

    init(limit: TimeAmount) { self.limit = limit }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            context.fireErrorCaught(error)
            return
        }
        guard !isBroken else { return }
        if !isAnswering && !isLast {
            let answer = HTTPAnswer.failure(.badRequest, code: "http", Self.message(error))
            for part in answer.parts(keepsAlive: false) {
                context.write(Self.wrapOutboundOut(HTTPServerResponsePart(part)), promise: nil)
            }
        }
        // The end of the answer before may wait for this, too: it lets the error through that came behind its request.
        context.flush()
        // Not before: the end of the input may come behind the answer, which would close all.
        isBroken = true
        if isAnswering {
            context.close(promise: nil)
        } else {
            arm(context, limit)
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenSuccess { self.arm(context, Self.linger) }
            // Closes all if the client has ended its input.
            context.close(mode: .output, promise: written)
        }
        // The task of a request, which asks for bytes otherwise, ends here.
        context.fireErrorCaught(error)
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if isBroken { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        var isEnd = false
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { isEnd = true }
        if event is ServiceStops { (isStopping, isEnd) = (true, true) }
        if isBroken && isEnd {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Leaves it to the deadline, to the client and to the service's stop to close the connection of an answered error:
    /// the task of its request would do it at once.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard isBroken && !isStopping else {
            context.close(mode: mode, promise: promise)
            return
        }
        context.channel.closeFuture.cascade(to: promise)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isBroken else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch Self.unwrapOutboundIn(data) {
        case .head(let head) where head.status.code >= 200:
            isAnswering = true
            isLast = head.headers[canonicalForm: "Connection"].contains("close")
        case .end: isAnswering = false
        default: break
        }
        context.write(data, promise: promise)
    }

    private func arm(_ context: ChannelHandlerContext, _ time: TimeAmount) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }

    private static func message(_ error: HTTPParserError) -> String {
        switch error {
        case .headerOverflow: "the request's headers are longer than limits.header_bytes"
        case .invalidEOFState: "the request ends before its end: a header or a part of the body is missing"
        // The parser has no name for some contradictions.
        case .unexpectedContentLength, .unknown:
            "the request contradicts itself: it may have both a Content-Length and a Transfer-Encoding; send only one"
        default: "this is no HTTP/1.1 request: \(error)"
        }
    }
}
