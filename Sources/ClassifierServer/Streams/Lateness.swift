/// How often something was late in the last seconds. Pure: it is told the times.
package struct Lateness {
    /// Seconds that are looked back on.
    package static let memory = 5
    /// Fewer observations say nothing about a share.
    private static let fewest = 3

    /// What is late, in seconds.
    package let limit: Double
    /// The part that may be late.
    package let allowed: Double
    private var slots = [Slot](repeating: Slot(), count: memory)

    private struct Slot {
        var second = Int.min
        var count = 0
        var late = 0
        var worst = 0.0
    }

    package init(limit: Double, allowed: Double) {
        self.limit = limit
        self.allowed = allowed
    }

    /// Something took `seconds`, at `time` in seconds of a monotonic clock.
    package mutating func note(_ seconds: Double, at time: Double) {
        let second = Int(time)
        let place = second % Self.memory
        if slots[place].second != second { slots[place] = Slot(second: second) }
        slots[place].count += 1
        slots[place].late += seconds > limit ? 1 : 0
        slots[place].worst = max(slots[place].worst, seconds)
    }

    /// The part that was late, and the longest time.
    package func recent(at time: Double) -> (share: Double, worst: Double) {
        let kept = slots.filter { $0.second > Int(time) - Self.memory && $0.second <= Int(time) }
        let count = kept.reduce(0) { $0 + $1.count }
        let late = kept.reduce(0) { $0 + $1.late }
        let share = late < Self.fewest ? 0 : Double(late) / Double(max(1, count))
        return (share, kept.map(\.worst).max() ?? 0)
    }

    /// The longest time, where more was late than may be.
    package func excess(at time: Double) -> Double? {
        let recent = recent(at: time)
        return recent.share > allowed ? recent.worst : nil
    }
}
