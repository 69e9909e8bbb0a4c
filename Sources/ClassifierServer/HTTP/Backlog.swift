internal import NIOConcurrencyHelpers

/// What a thread has made and a task has not taken yet: while it is much, the thread waits.
final class Backlog: Sendable {
    /// Minutes of predictions.
    private static let largest = 1024

    private struct State {
        var waiting = 0
        var isClosed = false

        var hasRoom: Bool { isClosed || waiting < Backlog.largest }
    }

    private let state = NIOLockedValueBox(State())
    /// Whether there is room.
    private let room = ConditionLock(value: true)

    /// Waits for room, or until nobody takes anything any more.
    func add() {
        room.lock(whenValue: true)
        change { $0.waiting += 1 }
    }

    func take() {
        room.lock()
        change { $0.waiting -= 1 }
    }

    func close() {
        room.lock()
        change { $0.isClosed = true }
    }

    /// With the lock, which it gives back.
    private func change(_ body: (inout State) -> Void) {
        room.unlock(
            withValue: state.withLockedValue { state in
                body(&state)
                return state.hasRoom
            })
    }
}
