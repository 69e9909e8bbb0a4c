/// New connections of each address: a bucket of a second's allowance that fills as time goes by. Pure: it is told the
/// time.
package struct RateLimit {
    private struct Bucket {
        var tokens: Double
        var updated: Double
    }

    package let perSecond: Int
    /// Addresses remembered: whoever has been away longest is forgotten first.
    private static let largest = 10_000
    private var buckets: [String: Bucket] = [:]

    package init(perSecond: Int) { self.perSecond = perSecond }

    /// - Returns: whether the address may connect now, at `time` seconds.
    package mutating func allows(_ address: String, at time: Double) -> Bool {
        if buckets.count >= Self.largest { forget(at: time) }
        let full = Double(perSecond)
        var bucket = buckets[address] ?? Bucket(tokens: full, updated: time)
        bucket.tokens = min(full, bucket.tokens + max(0, time - bucket.updated) * full)
        bucket.updated = time
        let isAllowed = bucket.tokens >= 1
        if isAllowed { bucket.tokens -= 1 }
        buckets[address] = bucket
        return isAllowed
    }

    /// Full buckets say nothing.
    private mutating func forget(at time: Double) {
        buckets = buckets.filter { $0.value.tokens + (time - $0.value.updated) * Double(perSecond) < Double(perSecond) }
        if buckets.count >= Self.largest { buckets.removeAll() }
    }
}
