/// The comparison of labelled recordings with what the program says of them.
package struct Evaluation: Sendable {
    package let labels: [String]
    /// For each label, whether it can be an event.
    package let isEvent: [Bool]
    /// For each label, whether the program reports it.
    let isShown: [Bool]
    /// For each label, itself and the labels above and below it.
    package let relatives: [Set<Int>]
    /// For each label, the score from which it counts as reported of a recording.
    package let thresholds: [Float]
    package let eventComparison: EventComparison
    package let segmentComparison: SegmentComparison
    package private(set) var recordings: [EvaluatedRecording] = []
    package private(set) var sweep: ThresholdSweep

    package init(_ rules: RecordingObserver.Rules, events: EventComparison, segments: SegmentComparison) {
        labels = rules.chosen.labels
        isEvent = rules.chosen.isEvent
        isShown = rules.chosen.isShown
        thresholds = rules.chosen.startThresholds
        relatives = rules.relatives
        eventComparison = events
        segmentComparison = segments
        sweep = ThresholdSweep(labels: labels.count)
    }

    package mutating func add(_ recording: EvaluatedRecording) {
        sweep += recording.sweep
        recordings.append(recording.withoutSweep)
    }

    /// Duration of all recordings in seconds.
    package var seconds: Double { recordings.reduce(0) { $0 + $1.seconds } }

    /// The labels that the data has.
    package var givenLabels: Set<Int> { recordings.reduce(into: []) { $0.formUnion($1.labels) } }

    /// The recordings whose labels have times.
    var timed: [EvaluatedRecording] { recordings.filter { $0.events != nil } }

    package var isTimed: Bool { recordings.contains { $0.events != nil } }

    /// Whether every recording has exactly one label.
    package var isSingle: Bool { recordings.allSatisfy { $0.labels.count == 1 } }
}

extension EvaluatedRecording {
    /// The recording without its counts, which an evaluation keeps as sums.
    fileprivate var withoutSweep: EvaluatedRecording {
        EvaluatedRecording(
            file: file, seconds: seconds, labels: labels, events: events, scores: scores, first: first,
            reported: reported, sweep: ThresholdSweep(labels: 0))
    }
}
