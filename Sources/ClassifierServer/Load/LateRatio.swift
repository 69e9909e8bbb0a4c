/// The share of late observations in the last seconds. A pure value: callers pass the time.
package struct LateRatio {
    /// Length of the window in seconds.
    package static let memory = 5
    /// The least number of late observations for a share above 0.
    private static let fewest = 3

    /// Longer durations are late, in seconds.
    package let limit: Double
    /// The share that may be late.
    package let allowed: Double
    private var bins = [Bin](repeating: Bin(), count: memory)

    /// The observations of one second.
    private struct Bin {
        var second = Int.min
        var count = 0
        var late = 0
        var worst = 0.0
    }

    package init(limit: Double, allowed: Double) {
        self.limit = limit
        self.allowed = allowed
    }

    /// Records a duration.
    /// - Parameter time: in seconds of a monotonic clock.
    package mutating func record(_ seconds: Double, at time: Double) {
        let second = Int(time)
        let index = second % Self.memory
        if bins[index].second != second { bins[index] = Bin(second: second) }
        bins[index].count += 1
        bins[index].late += seconds > limit ? 1 : 0
        bins[index].worst = max(bins[index].worst, seconds)
    }

    /// Returns the share of late durations and the longest duration.
    package func recent(at time: Double) -> (share: Double, worst: Double) {
        let kept = bins.filter { $0.second > Int(time) - Self.memory && $0.second <= Int(time) }
        let count = kept.reduce(0) { $0 + $1.count }
        let late = kept.reduce(0) { $0 + $1.late }
        let share = late < Self.fewest ? 0 : Double(late) / Double(max(1, count))
        return (share, kept.map(\.worst).max() ?? 0)
    }

    /// Returns the longest duration if the share of late ones is above the allowed share.
    package func excess(at time: Double) -> Double? {
        let recent = recent(at: time)
        return recent.share > allowed ? recent.worst : nil
    }
}
