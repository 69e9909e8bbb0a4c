/// Limits the rate of new connections of each address, with a second's allowance as burst. A pure value: callers pass
/// the time.
package struct RateLimit {
    package let perSecond: Int
    /// Largest number of remembered addresses.
    private static let largest = 10_000
    private var buckets: [String: TokenBucket] = [:]

    package init(perSecond: Int) { self.perSecond = perSecond }

    /// - Returns: whether the address may connect now.
    /// - Parameter time: in seconds of a monotonic clock.
    package mutating func allows(_ address: String, at time: Double) -> Bool {
        if buckets.count >= Self.largest { forget(at: time) }
        var bucket = buckets[address] ?? TokenBucket(capacity: Double(perSecond), perSecond: Double(perSecond))
        bucket.refill(at: time)
        defer { buckets[address] = bucket }
        return bucket.take()
    }

    /// Forgets addresses whose buckets are full, or all if that frees too few.
    private mutating func forget(at time: Double) {
        buckets = buckets.filter { !$0.value.isFull(at: time) }
        if buckets.count >= Self.largest { buckets.removeAll() }
    }
}
