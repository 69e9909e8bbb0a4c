internal import NIOCore

/// A client that should send and does not.
struct ClientIdle: Error {
    let seconds: Double
}

/// Turns the silence of a connection into an error that its reader sees. It stands behind an `IdleStateHandler`.
final class IdleFailure: ChannelInboundHandler, Sendable {
    typealias InboundIn = NIOAny

    private let seconds: Double

    init(seconds: Double) { self.seconds = seconds }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.fireErrorCaught(ClientIdle(seconds: seconds))
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Both handlers, for a pipeline whose connection must not be silent for longer.
    static func add(to channel: any Channel, seconds: Double) throws {
        let limit = TimeAmount.nanoseconds(Int64(seconds * 1e9))
        try channel.pipeline.syncOperations.addHandlers([
            IdleStateHandler(readTimeout: limit), IdleFailure(seconds: seconds),
        ])
    }
}
