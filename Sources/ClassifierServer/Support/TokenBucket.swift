/// A rate limit with bursts: tokens flow in at a constant rate up to a capacity, and actions spend them.
package struct TokenBucket: Sendable {
    /// Tokens of a full bucket, which can be spent at once.
    package let capacity: Double
    package let perSecond: Double
    /// Tokens that are left; negative after an overdraft.
    package private(set) var tokens: Double
    /// Time of the last refill, in seconds of a monotonic clock.
    private var updated = -Double.infinity

    /// A full bucket.
    package init(capacity: Double, perSecond: Double) {
        self.capacity = capacity
        self.perSecond = perSecond
        tokens = capacity
    }

    /// Adds the tokens of the time that has passed; a clock that goes back adds none.
    package mutating func refill(at time: Double) {
        tokens = refilled(at: time)
        updated = time
    }

    /// Whether the bucket is full at a time.
    package func isFull(at time: Double) -> Bool { refilled(at: time) >= capacity }

    /// Takes one token if there is one.
    package mutating func take() -> Bool {
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// Spends tokens even where too few are left.
    /// - Returns: seconds until the overdraft is made up for; 0 without one.
    @discardableResult
    package mutating func spend(_ count: Double, at time: Double) -> Double {
        refill(at: time)
        tokens -= count
        return max(0, -tokens / perSecond)
    }

    private func refilled(at time: Double) -> Double {
        min(capacity, tokens + max(0, time - updated) * perSecond)
    }
}
