internal import ClassifierServer
internal import Testing

/// States expire by their age, and a jump of the time of day does not expire them.
@Suite struct StateAgesTests {
    private static let day = 86400.0

    @Test func oldStatesExpire() {
        var ages = StateAges()
        let files = ["old": 0.0, "new": 2 * Self.day]
        #expect(
            ages.expired(files, time: 2 * Self.day, monotonic: 0, kept: Self.day).isEmpty, "seen for the first time")
        #expect(ages.expired(files, time: 2 * Self.day + 3600, monotonic: 3600, kept: Self.day) == ["old"])
    }

    /// A clock that starts in 1970 and is then set.
    @Test func jumpExpiresNothing() {
        var ages = StateAges()
        let now = 2e9
        #expect(ages.expired(["a": 100], time: 200, monotonic: 100, kept: Self.day).isEmpty)
        #expect(ages.expired(["a": 100, "b": 250], time: now, monotonic: 500, kept: Self.day).isEmpty)
        // A file that is written again is new.
        #expect(ages.expired(["a": now, "b": 250], time: now, monotonic: 3000, kept: Self.day).isEmpty)
        #expect(ages.expired(["a": now, "b": 250], time: now, monotonic: 4200, kept: Self.day) == ["b"])
    }

    @Test func filesOfTheFutureExpire() {
        var ages = StateAges()
        #expect(ages.expired(["a": 1e9], time: 0, monotonic: 0, kept: Self.day).isEmpty)
        #expect(ages.expired(["a": 1e9], time: 10, monotonic: Self.day / 2, kept: Self.day).isEmpty)
        #expect(ages.expired(["a": 1e9], time: 20, monotonic: Self.day + 1, kept: Self.day) == ["a"])
    }
}
