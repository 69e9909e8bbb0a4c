/// The times of a recording at which labels are given.
///
/// A label without times holds for the whole recording.
struct GivenTimes {
    private let seconds: Double
    private let labels: Set<Int>
    private let events: [GivenEvent]?
    /// Time around a given event, in seconds, in which another one is no false event.
    private let collar: Double

    init(seconds: Double, labels: Set<Int>, events: [GivenEvent]?, collar: Double) {
        self.seconds = seconds
        self.labels = labels
        self.events = events
        self.collar = collar
    }

    /// The part of the recording without a label of a group.
    func rest(without group: (Int) -> Bool) -> Rest {
        guard let events else {
            return labels.contains(where: group) ? .none : Rest(seconds: seconds, near: IntervalSet([]))
        }
        let ranges = events.filter { group($0.label) }.map(\.range)
        guard !ranges.isEmpty else { return Rest(seconds: seconds, near: IntervalSet([])) }
        // A given event may lie behind the recording's end, in part or whole.
        let inside = IntervalSet(
            ranges.map { range in
                let end = max(0, min(range.upperBound, seconds))
                return min(max(0, range.lowerBound), end)..<end
            })
        // The smallest number keeps an event without duration from being empty.
        let near = ranges.map { $0.lowerBound - collar..<($0.upperBound + collar).nextUp }
        return Rest(seconds: max(0, seconds - inside.length), near: IntervalSet(near))
    }

    /// A part of a recording.
    struct Rest {
        let seconds: Double
        /// The times near the other part; nil if there is no other than that.
        fileprivate let near: IntervalSet<Double>?

        fileprivate static let none = Rest(seconds: 0, near: nil)

        fileprivate init(seconds: Double, near: IntervalSet<Double>?) {
            self.seconds = seconds
            self.near = near
        }

        /// Whether an event lies in this part alone.
        func contains(_ event: ClosedRange<Double>) -> Bool { near.map { !$0.touches(event) } ?? false }
    }
}
