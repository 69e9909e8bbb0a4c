/// A set of numbers as sorted intervals that do not touch each other. An interval contains its lower bound and not its
/// upper one.
struct IntervalSet<Bound: Comparable & AdditiveArithmetic & Sendable>: Sendable {
    private(set) var intervals: [Range<Bound>]

    /// The union of the intervals.
    init(_ intervals: some Sequence<Range<Bound>>) {
        var union: [Range<Bound>] = []
        for next in intervals.sorted(by: { $0.lowerBound < $1.lowerBound }) where !next.isEmpty {
            if let last = union.last, next.lowerBound <= last.upperBound {
                union[union.count - 1] = last.lowerBound..<max(last.upperBound, next.upperBound)
            } else {
                union.append(next)
            }
        }
        self.intervals = union
    }

    /// The sum of the intervals' lengths.
    var length: Bound { intervals.reduce(.zero) { $0 + ($1.upperBound - $1.lowerBound) } }

    func intersection(_ other: Self) -> Self {
        var (one, two) = (0, 0)
        var common: [Range<Bound>] = []
        while one < intervals.count, two < other.intervals.count {
            let (left, right) = (intervals[one], other.intervals[two])
            let low = max(left.lowerBound, right.lowerBound)
            let high = min(left.upperBound, right.upperBound)
            if low < high { common.append(low..<high) }
            if left.upperBound < right.upperBound { one += 1 } else { two += 1 }
        }
        return Self(common)
    }

    /// Whether a number of the closed interval is in the set or at an upper bound of it.
    func touches(_ interval: ClosedRange<Bound>) -> Bool {
        var (low, high) = (0, intervals.count)
        // The first interval that does not end before this one.
        while low < high {
            let middle = (low + high) / 2
            if intervals[middle].upperBound < interval.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < intervals.count && intervals[low].lowerBound <= interval.upperBound
    }
}
