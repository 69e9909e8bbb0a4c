package import StreamTransformer

/// Collects what the program says of one labelled recording.
package struct RecordingObserver: Sendable {
    /// The rules, and those with every label at each threshold of ``ThresholdSweep``.
    package struct Rules: Sendable {
        let chosen: DecisionRules
        let series: [DecisionRules]
        /// For each label, itself and the labels above and below it.
        let relatives: [Set<Int>]

        package init(_ model: ModelConfiguration, _ settings: DecisionRules.Settings) throws(ClassifierError) {
            chosen = try DecisionRules(model, settings)
            var series: [DecisionRules] = []
            for threshold in ThresholdSweep.thresholds {
                var settings = settings
                for label in model.labels { settings.classThresholds[label] = threshold }
                series.append(try DecisionRules(model, settings))
            }
            self.series = series
            relatives = model.relatives
        }
    }

    private let rules: Rules
    private let collar: Double
    private var summary: ClipSummary
    private var detectors: [EventDetector]
    /// The events of each detector.
    private var events: [[ReportedEvent]]
    /// For each detector, the times at which events that have not ended were reported, by identity.
    private var noticed: [[String: Double]]
    private var time = 0.0

    /// - Parameter collar: the tolerance of an event's times, in seconds.
    package init(_ model: ModelConfiguration, _ rules: Rules, collar: Double) {
        self.rules = rules
        self.collar = collar
        summary = ClipSummary(model)
        detectors = ([rules.chosen] + rules.series).map(EventDetector.init)
        events = detectors.map { _ in [] }
        noticed = detectors.map { _ in [:] }
    }

    package mutating func update(_ prediction: Prediction) {
        summary.update(prediction)
        time = prediction.time
        for index in detectors.indices { add(detectors[index].update(prediction), of: index) }
    }

    /// Ends the recording.
    /// - Parameters:
    ///   - labels: the given labels.
    ///   - given: the given events; nil if the labels have no times.
    package mutating func finish(
        _ file: String, seconds: Double, labels: Set<Int>, events given: [GivenEvent]?
    ) -> EvaluatedRecording {
        for index in detectors.indices { add(detectors[index].finish(), of: index) }
        let count = rules.chosen.labels.count
        let scores = summary.scores.isEmpty ? [Float](repeating: 0, count: count) : summary.scores
        var sweep = ThresholdSweep(labels: count)
        sweep.count(
            Array(events.dropFirst()), seconds: seconds, labels: labels, events: given, relatives: rules.relatives,
            collar: collar)
        return EvaluatedRecording(
            file: file, seconds: seconds, labels: labels, events: given, scores: scores,
            first: summary.scores.isEmpty ? nil : rules.chosen.ranking.first(scores), reported: events[0],
            sweep: sweep)
    }

    private mutating func add(_ changes: [Event], of index: Int) {
        for event in changes {
            guard let end = event.end else {
                noticed[index][event.id] = time
                continue
            }
            events[index].append(
                ReportedEvent(
                    label: event.labelIndex, range: event.start...max(event.start, end),
                    noticed: noticed[index].removeValue(forKey: event.id) ?? time))
        }
    }
}

extension ModelConfiguration {
    /// For each label, itself and the labels above and below it.
    fileprivate var relatives: [Set<Int>] {
        let index = Dictionary(labels.enumerated().map { ($1, $0) }) { first, _ in first }
        var relatives = labels.indices.map { Set([$0]) }
        for (number, label) in labels.enumerated() {
            var open = parents[label] ?? []
            while let name = open.popLast() {
                guard let above = index[name], relatives[number].insert(above).inserted else { continue }
                relatives[above].insert(number)
                open += parents[name] ?? []
            }
        }
        return relatives
    }
}
