/// The comparison of reported events with given ones in segments of equal length, as the tool sed_eval defines it.
///
/// A label is active in every segment that one of its events touches. It is right in a segment if it is given and
/// reported there.
package struct SegmentComparison: Sendable, Equatable {
    /// Duration of a segment in seconds.
    package var length = 1.0

    package init() {}

    /// Compares the events of one label in one recording.
    package func counts(given: [ClosedRange<Double>], reported: [ClosedRange<Double>]) -> MatchCounts {
        let (given, reported) = (segments(given), segments(reported))
        return MatchCounts(
            given: given.length, reported: reported.length, right: given.intersection(reported).length)
    }

    private func segments(_ events: [ClosedRange<Double>]) -> IntervalSet<Int> {
        IntervalSet(
            events.map { event in
                // Invariant: times of recordings, below 2^40 seconds, in segments of a hundredth of a second at least.
                let first = Int((event.lowerBound / length).rounded(.down))
                // Invariant: as above.
                let end = Int((event.upperBound / length).rounded(.up))
                return first..<max(first, end)
            })
    }
}
