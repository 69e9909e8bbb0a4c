internal import ClassifierServer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Shared pieces, against their definitions.
@Suite struct TokenBucketTests {
    @Test func tokensFlowInUpToTheCapacity() {
        var bucket = TokenBucket(capacity: 3, perSecond: 2)
        let first = (0..<5).map { _ in bucket.take() }
        #expect(first == [true, true, true, false, false])
        // The first refill has no earlier time, and would fill the bucket.
        bucket.refill(at: 10)
        #expect(bucket.tokens == 3 && bucket.isFull(at: 10))
        let delay = bucket.spend(4, at: 10)
        #expect(delay == 0.5 && bucket.tokens == -1)
        bucket.refill(at: 10.25)
        #expect(bucket.tokens == -0.5 && !bucket.isFull(at: 11) && bucket.isFull(at: 12))
        bucket.refill(at: 1)
        #expect(bucket.tokens == -0.5, "a clock that goes back adds no tokens")
    }

    /// In any interval a bucket gives at most its capacity and the inflow.
    @Test func rateIsBounded() {
        var random = SplitMix64(seed: 6)
        var bucket = TokenBucket(capacity: 5, perSecond: 10)
        var taken: [Double] = []
        var time = 0.0
        for _ in 0..<5000 {
            time += Double(random.integer(in: 0...100)) * 1e-3
            bucket.refill(at: time)
            if bucket.take() { taken.append(time) }
        }
        for count in [10, 100, 1000] {
            for start in 0..<taken.count - count {
                #expect(Double(count) <= 5 + 10 * (taken[start + count - 1] - taken[start]) + 1e-6)
            }
        }
    }

    /// The published values of FNV-1a (draft-eastlake-fnv).
    @Test func hashIsFNV1a() {
        #expect(fnv1a([UInt8]()) == 0xCBF2_9CE4_8422_2325)
        #expect(fnv1a("a".utf8) == 0xAF63_DC4C_8601_EC8C)
        #expect(fnv1a("foobar".utf8) == 0x8594_4171_F739_67E8)
    }
}
