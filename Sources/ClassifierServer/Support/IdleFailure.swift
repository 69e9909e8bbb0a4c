internal import NIOCore

/// A connection or a pipe that brought no byte for too long.
struct ClientIdle: Error {
    /// The limit that was exceeded.
    let seconds: Double
}

/// Turns the silence of a connection into an error for its reader. Its place in the pipeline is behind an
/// `IdleStateHandler`.
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

    /// Adds both handlers to the pipeline of a connection.
    /// - Parameter seconds: the longest silence.
    static func add(to channel: any Channel, seconds: Double) throws {
        // Invariant: settings of times are at most a day.
        let limit = TimeAmount.nanoseconds(Int64(seconds * 1e9))
        try channel.pipeline.syncOperations.addHandlers([
            IdleStateHandler(readTimeout: limit), IdleFailure(seconds: seconds),
        ])
    }
}
