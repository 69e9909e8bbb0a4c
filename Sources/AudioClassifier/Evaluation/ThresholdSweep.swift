/// False and found events of each label at a series of thresholds.
package struct ThresholdSweep: Sendable {
    /// The thresholds, in rising order.
    package static let thresholds: [Double] =
        [0.01, 0.02, 0.03] + (1...19).map { Double($0) * 5 / 100 } + [0.97, 0.98, 0.99, 0.995, 0.999]

    /// A label at one threshold.
    package struct Point: Sendable, Equatable {
        package let threshold: Double
        /// Given events, or recordings with the label, in which an event of the label was reported.
        package let found: Int
        /// Events of the label where it was not given.
        package let falseEvents: Int
    }

    private let labels: Int
    /// For each threshold, then for each label.
    private var found: [Int]
    private var falseEvents: [Int]
    /// For each label, the given events, or the recordings with the label.
    package private(set) var given: [Int]
    /// For each label, the seconds of audio without it.
    package private(set) var otherSeconds: [Double]

    package init(labels: Int) {
        self.labels = labels
        found = [Int](repeating: 0, count: labels * Self.thresholds.count)
        falseEvents = found
        given = [Int](repeating: 0, count: labels)
        otherSeconds = [Double](repeating: 0, count: labels)
    }

    /// Counts the events of a recording.
    /// - Parameters:
    ///   - reported: for each threshold, the events in the recording.
    ///   - relatives: for each label, itself and the labels above and below it; where they are given, the label is not
    ///     false.
    mutating func count(
        _ reported: [[ReportedEvent]], seconds: Double, labels givenLabels: Set<Int>, events: [GivenEvent]?,
        relatives: [Set<Int>], collar: Double
    ) {
        let times = GivenTimes(seconds: seconds, labels: givenLabels, events: events, collar: collar)
        let rests = (0..<labels).map { label in times.rest { relatives[label].contains($0) } }
        for label in 0..<labels { otherSeconds[label] += rests[label].seconds }
        for label in givenLabels { given[label] += events.map { $0.count { $0.label == label } } ?? 1 }
        for (row, list) in reported.enumerated() {
            for event in list where rests[event.label].contains(event.range) {
                falseEvents[row * labels + event.label] += 1
            }
            for (label, own) in Dictionary(grouping: list, by: \.label) where givenLabels.contains(label) {
                let near = IntervalSet(
                    own.map { $0.range.lowerBound - collar..<($0.range.upperBound + collar).nextUp })
                found[row * labels + label] +=
                    events.map { $0.count { $0.label == label && near.touches($0.range) } } ?? 1
            }
        }
    }

    package static func += (left: inout Self, right: Self) {
        for index in left.found.indices { left.found[index] += right.found[index] }
        for index in left.falseEvents.indices { left.falseEvents[index] += right.falseEvents[index] }
        for label in left.given.indices {
            left.given[label] += right.given[label]
            left.otherSeconds[label] += right.otherSeconds[label]
        }
    }

    /// The label at every threshold.
    package func curve(_ label: Int) -> [Point] {
        Self.thresholds.enumerated().map { row, threshold in
            Point(
                threshold: threshold, found: found[row * labels + label],
                falseEvents: falseEvents[row * labels + label])
        }
    }

    /// The threshold of a label for a rate of false events.
    package struct Choice: Sendable, Equatable {
        package let threshold: Double
        /// False events an hour at the threshold; nil without audio to count them in.
        package let rate: Double?
        /// The found share of the given events; nil if none is given.
        package let recall: Double?
        /// Whether the rate is at most the wanted one.
        package let isReached: Bool
    }

    /// Chooses a label's threshold: of those with at most so many false events an hour, at this and at every higher
    /// threshold, and with the most found events, the nearest to the present one. Audio that is too short for one false
    /// event at the wanted rate cannot show that a lower threshold is right: then the present one is the lowest.
    /// - Parameter own: the label's present threshold.
    package func choice(_ label: Int, falseEventsPerHour limit: Double, own: Double) -> Choice {
        let hours = otherSeconds[label] / 3600
        func rate(_ point: Point) -> Double { hours > 0 ? Double(point.falseEvents) / hours : 0 }
        let isTooShort = limit > 0 && limit * hours < 1
        let allowed = curve(label).reversed().prefix { rate($0) <= limit && !(isTooShort && $0.threshold < own) }
        let mostFound = allowed.map(\.found).max()
        let best = allowed.filter { $0.found == mostFound }
        let below = best.first { $0.threshold <= own }
        let nearest = below ?? best.last
        guard let nearest else {
            return Choice(threshold: 1, rate: nil, recall: given[label] > 0 ? 0 : nil, isReached: false)
        }
        // The present threshold lies between two of the best: it has at most as many false events as the lower one.
        let keepsOwn = below != nil && best.contains { $0.threshold >= own }
        return Choice(
            threshold: keepsOwn ? own : nearest.threshold, rate: hours > 0 ? rate(nearest) : nil,
            recall: given[label] > 0 ? Double(nearest.found) / Double(given[label]) : nil, isReached: true)
    }
}
