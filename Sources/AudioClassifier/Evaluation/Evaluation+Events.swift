/// Events: which are given with times, and which the program reports.
extension Evaluation {
    /// For each label, the comparison of events; empty without times.
    package var eventCounts: [MatchCounts] { counts { eventComparison.counts(given: $0, reported: $1) } }

    /// For each label, the comparison of segments; empty without times.
    package var segmentCounts: [MatchCounts] { counts { segmentComparison.counts(given: $0, reported: $1) } }

    private func counts(
        _ compare: ([ClosedRange<Double>], [ClosedRange<Double>]) -> MatchCounts
    ) -> [MatchCounts] {
        guard isTimed else { return [] }
        var counts = labels.map { _ in MatchCounts() }
        for recording in timed {
            let given = Dictionary(grouping: recording.events ?? [], by: \.label)
            let reported = Dictionary(grouping: recording.reported, by: \.label)
            for label in Set(given.keys).union(reported.keys) where isEvent[label] {
                counts[label] += compare(
                    (given[label] ?? []).map(\.range), (reported[label] ?? []).map(\.range))
            }
        }
        return counts
    }

    /// Events where nothing is labelled.
    package struct FalseEvents: Sendable, Equatable {
        /// Audio without a label of an event, in seconds.
        package let seconds: Double
        package let events: Int
        /// Events an hour; nil without such audio.
        package var rate: Double? { seconds > 0 ? Double(events) / (seconds / 3600) : nil }
    }

    package var falseEvents: FalseEvents {
        var (seconds, events) = (0.0, 0)
        for recording in recordings {
            let rest = GivenTimes(
                seconds: recording.seconds, labels: recording.labels, events: recording.events,
                collar: eventComparison.collar
            ).rest { isEvent[$0] }
            seconds += rest.seconds
            events += recording.reported.count { rest.contains($0.range) }
        }
        return FalseEvents(seconds: seconds, events: events)
    }

    /// For each label, its events where it is not given, and the audio without it.
    package var falseEventsOfLabels: [FalseEvents] {
        var events = labels.map { _ in 0 }
        for recording in recordings {
            let times = GivenTimes(
                seconds: recording.seconds, labels: recording.labels, events: recording.events,
                collar: eventComparison.collar)
            for (label, own) in Dictionary(grouping: recording.reported, by: \.label) {
                let rest = times.rest { relatives[label].contains($0) }
                events[label] += own.count { rest.contains($0.range) }
            }
        }
        return zip(events, sweep.otherSeconds).map { FalseEvents(seconds: $1, events: $0) }
    }

    /// The times from the beginning of given events until a live stream would have reported them.
    package struct Delays: Sendable, Equatable {
        /// Number of given events.
        package let given: Int
        /// Delays in seconds of those that were reported. 0 if the label was already reported.
        package let found: Quantiles
    }

    /// The delays of a label's events; of all labels without one.
    package func delays(_ label: Int? = nil) -> Delays {
        var (given, found): (Int, [Double]) = (0, [])
        for recording in timed {
            for event in recording.events ?? [] where isEvent[event.label] && label ?? event.label == event.label {
                given += 1
                let near =
                    event.range.lowerBound - eventComparison.collar...event.range.upperBound
                    + eventComparison.collar
                let first = recording.reported.filter { $0.label == event.label && $0.range.overlaps(near) }
                    .map(\.noticed).min()
                if let first { found.append(max(0, first - event.range.lowerBound)) }
            }
        }
        return Delays(given: given, found: Quantiles(found))
    }
}
