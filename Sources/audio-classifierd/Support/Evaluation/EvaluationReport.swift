package import AudioClassifier
internal import StreamTransformer

/// The results of an evaluation, computed once for all of its outputs.
package struct EvaluationReport: Sendable {
    let evaluation: Evaluation
    let model: String
    let modelHash: String
    let failures: [RecordingEvaluator.Failure]
    let choices: ThresholdChoices?

    let firstLabel: Evaluation.FirstLabel
    /// Recordings whose first label, as `classify` prints it, is a given one.
    let exactCount: Int
    let counts: [MatchCounts]
    let confusion: Evaluation.Confusion
    /// For each label that is given or reported, its average precision; nil for a label without a recording.
    let averagePrecisions: [Int: Double?]
    let eventCounts: [MatchCounts]
    let segmentCounts: [MatchCounts]
    let falseEvents: Evaluation.FalseEvents
    let falseEventsOfLabels: [Evaluation.FalseEvents]
    let comparisons: [Evaluation.Comparison]
    /// Labels that are given, or reported of a recording or as an event, in the model's order.
    let shown: [Int]

    package init(
        _ outcome: RecordingEvaluator.Outcome, model: AudioModel, choices: ThresholdChoices?
    ) {
        evaluation = outcome.evaluation
        self.model = model.name
        modelHash = model.network.configuration.weightsFile.sha256
        failures = outcome.failures
        self.choices = choices
        firstLabel = evaluation.firstLabel
        exactCount = outcome.exactCount
        let counts = outcome.evaluation.recordingCounts
        self.counts = counts
        confusion = evaluation.confusion
        eventCounts = evaluation.eventCounts
        segmentCounts = evaluation.segmentCounts
        falseEvents = evaluation.falseEvents
        falseEventsOfLabels = evaluation.falseEventsOfLabels
        comparisons = evaluation.comparisons
        let events = Set(evaluation.recordings.flatMap { $0.reported.map(\.label) })
        let reported = Set(counts.indices.filter { counts[$0].reported > 0 })
        let (evaluation, shown) = (evaluation, evaluation.givenLabels.union(events).union(reported).sorted())
        self.shown = shown
        averagePrecisions = Dictionary(uniqueKeysWithValues: shown.map { ($0, evaluation.averagePrecision($0)) })
    }

    /// Shown labels that no recording has: their recall and average precision are undefined.
    var withoutRecordings: [Int] { shown.filter { counts[$0].given == 0 } }

    /// The mean over the labels that a recording has; nil without any.
    var meanAveragePrecision: Double? { shown.map { averagePrecisions[$0] ?? nil }.meanOfDefined }

    /// Labels that are events and given: those whose thresholds can be judged.
    var curveLabels: [Int] { evaluation.givenLabels.filter { evaluation.isEvent[$0] }.sorted() }

    /// Returns a measure of the labels that a recording has.
    func defined(_ counts: [MatchCounts], _ measure: (MatchCounts) -> Double?) -> [Double?] {
        counts.filter { $0.given > 0 }.map(measure)
    }
}

extension [MatchCounts] {
    var total: MatchCounts { reduce(into: MatchCounts()) { $0 += $1 } }
}
