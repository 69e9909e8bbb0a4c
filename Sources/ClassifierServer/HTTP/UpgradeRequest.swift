internal import NIOConcurrencyHelpers

/// A connection's request for a WebSocket, from the request until the connection is served. If the client goes
/// meanwhile, the last step to be finished ends its task.
final class UpgradeRequest: Sendable {
    private enum State {
        case none
        case accepted(WebSocketTask)
        case refused(HTTPAnswer)
        case gone
    }

    private let state = NIOLockedValueBox(State.none)

    /// Keeps the task of an accepted upgrade.
    /// - Returns: false if the client has gone; the caller ends the task.
    func accept(_ task: WebSocketTask) -> Bool {
        state.withLockedValue {
            if case .gone = $0 { return false }
            $0 = .accepted(task)
            return true
        }
    }

    func refuse(_ answer: HTTPAnswer) {
        state.withLockedValue { if case .none = $0 { $0 = .refused(answer) } }
    }

    /// Notes that the client has gone.
    /// - Returns: its task, if nobody serves it yet.
    func leave() -> WebSocketTask? {
        state.withLockedValue {
            let task: WebSocketTask? = if case .accepted(let task) = $0 { task } else { nil }
            $0 = .gone
            return task
        }
    }

    /// Removes and returns the task of an accepted upgrade.
    func takeTask() -> WebSocketTask? {
        state.withLockedValue {
            guard case .accepted(let task) = $0 else { return nil }
            $0 = .none
            return task
        }
    }

    /// Removes and returns the answer of a refused upgrade.
    func takeRefusal() -> HTTPAnswer? {
        state.withLockedValue {
            guard case .refused(let answer) = $0 else { return nil }
            $0 = .none
            return answer
        }
    }
}
