internal import NIOCore
internal import NIOHTTP1

/// Closes a connection if for too long its client does not complete a request, does not read an answer, or sends no
/// further request. The service's own time for an answer does not count.
final class RequestTimeout: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart

    /// Least average rate of a body in bytes a second, after the time that every request has.
    private static let leastRate: Int64 = 16384

    /// Time for a client to read an answer that came before the end of its request.
    private static let linger = TimeAmount.seconds(2)

    private let limit: TimeAmount
    private let inputEnd: InputEnd
    private var deadline: Scheduled<Void>?
    /// True between the end of a request and the end of its answer.
    private var isAnswering = false
    /// Whether the answer has come before the end of the request.
    private var isEarly = false
    /// Time at which the present request began.
    private var began = NIODeadline.now()
    private var bodyBytes: Int64 = 0
    /// Whether the client of the present request understands `100 Continue`.
    private var knowsInterimAnswers = false

    init(seconds: Double, inputEnd: InputEnd) {
        // Invariant: settings of times are at most a day.
        limit = .nanoseconds(Int64(seconds * 1e9))
        self.inputEnd = inputEnd
    }

    func handlerAdded(context: ChannelHandlerContext) { arm(context, .now() + limit) }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            began = .now()
            knowsInterimAnswers = head.version != .http1_0
            bodyBytes = 0
            isEarly = false
            arm(context, began + limit)
        case .body(let bytes):
            bodyBytes += Int64(bytes.readableBytes)
            if !isEarly { arm(context, began + limit + .milliseconds(bodyBytes * 1000 / Self.leastRate)) }
        case .end:
            deadline?.cancel()
            isAnswering = true
            inputEnd.isAnswerAwaited = knowsInterimAnswers
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        inputEnd.isAnswerAwaited = false
        if case .end = Self.unwrapOutboundIn(data) {
            // An answer before the end of its request is the last one.
            isEarly = !isAnswering
            isAnswering = false
            arm(context, .now() + (isEarly ? min(limit, Self.linger) : limit))
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { arm(context, .now() + limit) } else if isAnswering { deadline?.cancel() }
        context.fireChannelWritabilityChanged()
    }

    private func arm(_ context: ChannelHandlerContext, _ time: NIODeadline) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(deadline: time) { channel.close(promise: nil) }
    }
}
