internal import NIOConcurrencyHelpers

/// Bounds the number of elements that a thread has produced and a task has not consumed yet. The thread waits while
/// there are too many.
final class Backlog: Sendable {
    /// Largest number of elements, minutes of predictions.
    private static let largest = 1024

    private struct State {
        var waiting = 0
        var isClosed = false

        var hasRoom: Bool { isClosed || waiting < Backlog.largest }
    }

    private let state = NIOLockedValueBox(State())
    /// Whether there is room.
    private let room = ConditionLock(value: true)

    /// Waits until there is room or the consumer has closed, then counts an element.
    func add() {
        room.lock(whenValue: true)
        change { $0.waiting += 1 }
    }

    /// Counts a consumed element.
    func take() {
        room.lock()
        change { $0.waiting -= 1 }
    }

    /// Whether the consumer has gone.
    var isClosed: Bool { state.withLockedValue { $0.isClosed } }

    /// Ends waiting, because the consumer has gone.
    func close() {
        room.lock()
        change { $0.isClosed = true }
    }

    /// Changes the state and releases the lock.
    private func change(_ body: (inout State) -> Void) {
        room.unlock(
            withValue: state.withLockedValue { state in
                body(&state)
                return state.hasRoom
            })
    }
}
