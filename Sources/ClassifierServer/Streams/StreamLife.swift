/// The life of a stream on its loop, from its first sample to its end. A pure value.
///
///     running --end--> ending --queue is empty--> ended
///        \______________fail________________/
///
/// While it is ending, a stream takes no further audio, and what it has taken is classified. The first reason counts.
package struct StreamLife {
    package enum State: Equatable, Sendable {
        case running
        case ending(EndReason)
        case ended
    }

    package private(set) var state = State.running

    package init() {}

    package var isRunning: Bool { state == .running }

    /// The reason of the end that has begun.
    package var reason: EndReason? { if case .ending(let reason) = state { reason } else { nil } }

    /// Begins the end of the stream after its queued samples.
    /// - Returns: false if it has begun before, for another reason.
    package mutating func end(_ reason: EndReason) -> Bool {
        guard isRunning else { return false }
        state = .ending(reason)
        return true
    }

    /// Notes a failure of the classification itself, which replaces any other reason.
    package mutating func fail(_ reason: EndReason) {
        if state != .ended { state = .ending(reason) }
    }

    /// Ends the stream when all that it has taken is classified.
    /// - Returns: the reason; nil while the stream goes on.
    package mutating func finish(isDrained: Bool) -> EndReason? {
        guard isDrained, let reason else { return nil }
        state = .ended
        return reason
    }
}

/// The reason why a stream ends.
package enum EndReason: Sendable, Equatable {
    /// The client has sent all its audio.
    case complete
    /// The service stops.
    case stopped
    /// The connection broke.
    case lost
    /// Another client has resumed the stream.
    case takenOver
    /// A source brought no audio for too long. Its next audio begins another stream.
    case idle(message: String)
    /// A failure, which the client gets as an `error` record.
    case failed(code: String, message: String)

    /// Whether the stream cannot be resumed after this end.
    var isFinal: Bool {
        switch self {
        case .complete, .idle: true
        case .stopped, .lost, .takenOver, .failed: false
        }
    }

    /// Labels that have a sample from the start; codes of failures follow.
    static let names = ["complete", "stopped", "connection_lost", "taken_over", "idle", "slow_reader"]

    /// The label of the metric that counts ends.
    var name: String {
        switch self {
        case .complete: "complete"
        case .stopped: "stopped"
        case .lost: "connection_lost"
        case .takenOver: "taken_over"
        case .idle: "idle"
        case .failed(let code, _): code
        }
    }

    /// The code and the message of the `error` record before the end; nil for an end without one.
    var failure: (code: String, message: String)? {
        switch self {
        case .complete, .lost: nil
        case .stopped: ("stopping", "the service is stopping; connect again")
        case .takenOver: ("taken_over", "another client has resumed this stream; each client needs a name of its own")
        case .idle(let message): ("idle", message)
        case .failed(let code, let message): (code, message)
        }
    }
}
