internal import Synchronization

/// The threads of a program that have no recording of their own, and may encode parts of other threads' recordings.
package final class SpareThreads: Sendable {
    private let count = Atomic<Int>(0)

    package init() {}

    /// Adds a thread that has no more work of its own, or no more part.
    package func add() { count.add(1, ordering: .relaxed) }

    /// Takes a thread, which ``add()`` gives back.
    /// - Returns: false if there is none.
    func take() -> Bool {
        if count.subtract(1, ordering: .relaxed).newValue >= 0 { return true }
        add()
        return false
    }
}
