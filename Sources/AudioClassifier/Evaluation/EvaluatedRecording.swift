/// An event of a recording's labels.
package struct GivenEvent: Sendable, Equatable {
    /// Index of the label in the model's labels.
    package let label: Int
    /// Time of the event in seconds.
    package let range: ClosedRange<Double>

    package init(label: Int, range: ClosedRange<Double>) {
        self.label = label
        self.range = range
    }
}

/// An event that the program reported.
package struct ReportedEvent: Sendable, Equatable {
    package let label: Int
    package let range: ClosedRange<Double>
    /// Time at which a live stream would have reported the event's start.
    package let noticed: Double

    package init(label: Int, range: ClosedRange<Double>, noticed: Double) {
        self.label = label
        self.range = range
        self.noticed = noticed
    }
}

/// A recording with the labels that were given to it and what the program says of it.
package struct EvaluatedRecording: Sendable {
    package let file: String
    package let seconds: Double
    /// The labels that were given to the recording or to a part of it.
    package let labels: Set<Int>
    /// The given events; nil if the labels have no times.
    package let events: [GivenEvent]?
    /// For each label of the model, its score in the summary of the recording.
    package let scores: [Float]
    /// The first label of the summary; nil if the recording is too short for a prediction.
    package let first: Int?
    package let reported: [ReportedEvent]
    package let sweep: ThresholdSweep

    package init(
        file: String, seconds: Double, labels: Set<Int>, events: [GivenEvent]?, scores: [Float], first: Int?,
        reported: [ReportedEvent], sweep: ThresholdSweep
    ) {
        self.file = file
        self.seconds = seconds
        self.labels = labels
        self.events = events
        self.scores = scores
        self.first = first
        self.reported = reported
        self.sweep = sweep
    }
}
