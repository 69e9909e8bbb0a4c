/// The comparison of reported events with given ones, event by event, as the tool sed_eval defines it (A. Mesaros, T.
/// Heittola and T. Virtanen, "Metrics for Polyphonic Sound Event Detection", Applied Sciences 6(6), 2016).
///
/// A reported event is right if it begins within ``collar`` of a given event of its label, and ends within the collar,
/// or within half of the given event's duration where that is longer. Each event counts once, in the assignment with
/// the most right events.
package struct EventComparison: Sendable, Equatable {
    /// The largest difference of right times, in seconds.
    package var collar = 0.2
    /// Whether ends may differ.
    package var isOnsetOnly = false

    /// The part of a given event's duration by which its end may differ.
    private static let durationShare = 0.5

    package init() {}

    /// Compares the events of one label in one recording.
    package func counts(given: [ClosedRange<Double>], reported: [ClosedRange<Double>]) -> MatchCounts {
        let given = given.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        let candidates = reported.map { event -> [Int] in
            // The given events whose onsets may be near, with room for rounding errors of the bound.
            let first = given.firstIndex(onsetAtLeast: event.lowerBound - 1.001 * collar)
            return given[first...].prefix { $0.lowerBound <= event.lowerBound + 1.001 * collar }.indices
                .filter { isRight(event, for: given[$0]) }
        }
        return MatchCounts(
            given: given.count, reported: reported.count,
            right: BipartiteMatching.size(candidates, targets: given.count))
    }

    private func isRight(_ event: ClosedRange<Double>, for given: ClosedRange<Double>) -> Bool {
        guard abs(given.lowerBound - event.lowerBound) <= collar else { return false }
        let tolerance = max(collar, Self.durationShare * (given.upperBound - given.lowerBound))
        return isOnsetOnly || abs(given.upperBound - event.upperBound) <= tolerance
    }
}

extension [ClosedRange<Double>] {
    /// The index of the first element, of sorted ones, that does not begin before a time.
    fileprivate func firstIndex(onsetAtLeast time: Double) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].lowerBound < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The largest assignment of sources to targets in which each has one partner at most.
enum BipartiteMatching {
    /// Returns the number of pairs of the largest assignment.
    /// - Parameter candidates: for each source, the targets that it may have.
    static func size(_ candidates: [[Int]], targets: Int) -> Int {
        var sourceOfTarget = [Int?](repeating: nil, count: targets)
        var targetOfSource = [Int?](repeating: nil, count: candidates.count)
        return candidates.indices.count { extend(from: $0, candidates, &sourceOfTarget, &targetOfSource) }
    }

    /// Extends the assignment along an augmenting path, found breadth first.
    private static func extend(
        from start: Int, _ candidates: [[Int]], _ sourceOfTarget: inout [Int?], _ targetOfSource: inout [Int?]
    ) -> Bool {
        var reached: [Int: Int] = [:]  // for each target, the source from which it was reached
        var sources = [start]
        var next = 0
        while next < sources.count {
            let source = sources[next]
            next += 1
            for target in candidates[source] where reached[target] == nil {
                reached[target] = source
                if let owner = sourceOfTarget[target] {
                    sources.append(owner)
                    continue
                }
                var free: Int? = target
                while let target = free, let source = reached[target] {
                    free = targetOfSource[source]
                    (sourceOfTarget[target], targetOfSource[source]) = (source, target)
                }
                return true
            }
        }
        return false
    }
}
