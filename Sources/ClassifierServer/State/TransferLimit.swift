internal import NIOConcurrencyHelpers

/// A count of operations that go on at the same time, with a limit.
final class TransferLimit: Sendable {
    let limit: Int
    private let count = NIOLockedValueBox(0)

    init(_ limit: Int) { self.limit = limit }

    /// Counts another operation, which ends with ``leave()``.
    /// - Returns: false if there are as many as the limit allows.
    func enter() -> Bool {
        count.withLockedValue {
            // Invariant: the count is between 0 and the limit, because each leave follows an enter.
            guard $0 < limit else { return false }
            $0 += 1
            return true
        }
    }

    func leave() { count.withLockedValue { $0 -= 1 } }
}
