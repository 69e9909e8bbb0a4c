internal import NIOCore
internal import NIOHTTP1
internal import StrictCoding

/// Closes a connection if for too long its client does not complete a request, does not read an answer, or sends no
/// further request. The service's own time for an answer does not count, nor does the time in which it reads no body.
/// A late body is answered with 408, unless the answer to its request has begun.
final class RequestTimeout: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let seconds: Double
    private let limit: TimeAmount
    private let inputEnd: InputEnd
    private var deadline: Scheduled<Void>?
    /// True between the end of a request and the end of its answer.
    private var isAnswering = false
    /// Whether the answer to the present request has begun.
    private var hasBegunAnswer = false
    /// Whether a body was late: an answer of the request's task comes too late, too.
    private var isOver = false
    /// The time of the present request's body; nil after its end or its answer.
    private var pace: BodyPace?
    /// Whether the service has asked for bytes on this connection.
    private var hasAsked = false
    /// Whether the client of the present request understands `100 Continue`.
    private var knowsInterimAnswers = false

    init(seconds: Double, inputEnd: InputEnd) {
        self.seconds = seconds
        // Invariant: settings of times are at most a day.
        limit = .nanoseconds(Int64(seconds * 1e9))
        self.inputEnd = inputEnd
    }

    func handlerAdded(context: ChannelHandlerContext) { arm(context, .now() + limit) }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            knowsInterimAnswers = head.version != .http1_0
            hasBegunAnswer = false
            deadline?.cancel()
            pace = BodyPace(limit: seconds, at: MonotonicClock.now())
            watchBody(context)
        case .body(let bytes):
            // `StopNotice` sends a part without bytes.
            if bytes.readableBytes > 0 {
                pace?.receive(bytes.readableBytes, at: MonotonicClock.now())
                if hasAsked { pace?.stop(at: MonotonicClock.now()) }
            }
        case .end:
            deadline?.cancel()
            pace = nil
            isAnswering = true
            inputEnd.isAnswerAwaited = knowsInterimAnswers
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        hasAsked = true
        pace?.resume(at: MonotonicClock.now())
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOver else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        inputEnd.isAnswerAwaited = false
        let part = Self.unwrapOutboundIn(data)
        if case .head(let head) = part, head.status.code >= 200 { hasBegunAnswer = true }
        if case .end = part {
            isAnswering = false
            pace = nil
            arm(context, .now() + limit)
        }
        context.write(data, promise: promise)
    }

    /// Bounds the time in which the last answer is written, and that after it, in which a client may still send.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else {
            context.close(mode: mode, promise: promise)
            return
        }
        arm(context, .now() + limit)
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenSuccess {
            self.arm(context, .now() + min(self.limit, ParserErrorAnswer.linger))
        }
        context.close(mode: .output, promise: written)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable {
            arm(context, .now() + limit)
        } else if isAnswering || pace != nil {
            deadline?.cancel()
            watchBody(context)
        }
        context.fireChannelWritabilityChanged()
    }

    /// Closes the connection if the body is late; otherwise looks again when it may be.
    private func watchBody(_ context: ChannelHandlerContext) {
        let now = MonotonicClock.now()
        if pace?.isStopped == true {
            // A slow service: the client's next bytes are there already. Otherwise this is the client's own silence, of
            // which no read has been seen since its first bytes.
            pace?.resume(at: now)
            context.read()
        }
        guard let left = pace.map({ $0.deadline - now }) else { return }
        guard left > 0 else {
            end(context)
            return
        }
        // Invariant: a deadline is at most the limit away, which is at most a day.
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(left * 1e9))) {
            self.watchBody(context)
        }
    }

    /// Ends a connection whose body is late.
    private func end(_ context: ChannelHandlerContext) {
        isOver = true
        pace = nil
        let channel = context.channel
        guard !hasBegunAnswer else {
            channel.close(promise: nil)
            return
        }
        let message =
            "the request's body is late: nothing of it came for \(Decimal.text(seconds, 1)) s, or less than "
            + "\(Int(BodyPace.leastRate / 1024)) KiB a second"
        let answer = HTTPAnswer.failure(.requestTimeout, code: "idle", message)
        for part in answer.parts(keepsAlive: false) {
            context.write(Self.wrapOutboundOut(HTTPServerResponsePart(part)), promise: nil)
        }
        context.flush()
        channel.close(mode: .output, promise: nil)
    }

    private func arm(_ context: ChannelHandlerContext, _ time: NIODeadline) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(deadline: time) { channel.close(promise: nil) }
    }
}
