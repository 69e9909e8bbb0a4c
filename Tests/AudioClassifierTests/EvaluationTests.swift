internal import AudioClassifier
internal import Testing

/// False events, delays and thresholds of evaluations, against values counted by hand.
@Suite struct EvaluationTests {
    private let labels = ["horn", "dog", "quiet"]

    private func rules(_ parents: [String: [String]] = [:]) throws -> RecordingObserver.Rules {
        try RecordingObserver.Rules(configuration(parents: parents), DecisionRules.Settings())
    }

    /// Returns a recording in which the horn has these probabilities, one for each second, and the dog has 0.02.
    private func record(
        _ horn: [Float], _ given: Set<Int>, _ events: [GivenEvent]?, parents: [String: [String]] = [:],
        file: String = "a.wav"
    ) throws -> EvaluatedRecording {
        var observer = RecordingObserver(try configuration(parents: parents), try rules(parents), collar: 0.2)
        for (index, value) in horn.enumerated() {
            observer.update(prediction([value, 0.02, 0.001], at: (index + 1) * 1000, index: index))
        }
        return observer.finish(file, seconds: Double(horn.count), labels: given, events: events)
    }

    private func evaluation(
        _ recordings: [EvaluatedRecording], parents: [String: [String]] = [:]
    ) throws -> Evaluation {
        var evaluation = Evaluation(try rules(parents), events: EventComparison(), segments: SegmentComparison())
        for recording in recordings { evaluation.add(recording) }
        return evaluation
    }

    /// A horn at 2 to 4 s is labelled; it is heard there, and once more at 8 s, where nothing is labelled.
    @Test func timedEvents() throws {
        let horn = GivenEvent(label: 0, range: 1.5...4)
        let recording = try record([0.1, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1, 0.7, 0.1, 0.1], [0], [horn])
        #expect(recording.reported.map(\.range) == [3...4, 8...8] && recording.reported.map(\.noticed) == [3, 8])
        let evaluation = try evaluation([recording])
        #expect(evaluation.falseEvents.seconds == 7.5 && evaluation.falseEvents.events == 1)
        #expect(evaluation.falseEvents.rate == 480)
        let delays = evaluation.delays()
        #expect(delays.given == 1 && delays.found == Quantiles([1.5]))
        #expect(evaluation.falseEventsOfLabels.map(\.events) == [1, 0, 0])
        #expect(evaluation.falseEventsOfLabels.map(\.seconds) == [7.5, 10, 10])
        // Segments 1 to 3 are given; those at 3 s are right, and an event without duration touches none.
        #expect(evaluation.segmentCounts[0] == MatchCounts(given: 3, reported: 1, right: 1))
        #expect(evaluation.eventCounts[0] == MatchCounts(given: 1, reported: 2, right: 0))
    }

    /// The background is right where nothing is labelled, and wrong where something is.
    @Test func backgroundOfUnlabelledRecordings() throws {
        func heard(_ labels: Set<Int>, _ scores: [Float], first: Int, _ file: String) -> EvaluatedRecording {
            EvaluatedRecording(
                file: file, seconds: 1, labels: labels, events: nil, scores: scores, first: first, reported: [],
                sweep: ThresholdSweep(labels: 3))
        }
        let evaluation = try evaluation([
            heard([], [0, 0, 0.9], first: 2, "quiet"), heard([0], [0, 0, 0.9], first: 2, "missed"),
            heard([], [0.9, 0, 0.1], first: 0, "false"),
        ])
        let counts = evaluation.recordingCounts
        #expect(counts[2] == MatchCounts(given: 0, reported: 1, right: 0), "of the recording with a horn alone")
        #expect(counts[0] == MatchCounts(given: 1, reported: 1, right: 0))
        let comparisons = evaluation.comparisons
        #expect(comparisons.last?.file == "quiet" && comparisons.map(\.isRight) == [false, false, true])
    }

    /// A recording whose labels have no times is false audio for other labels alone.
    @Test func untimedEvents() throws {
        let evaluation = try evaluation([
            record([0.9, 0.1, 0.9, 0.1], [0], nil), record([0.9, 0.1], [1], nil), record([0.8, 0.1], [2], nil),
            record([0.1, 0.1], [], nil),
        ])
        // Where only quiet, which is no event, or nothing is labelled: the last two.
        #expect(evaluation.falseEvents.seconds == 4 && evaluation.falseEvents.events == 1)
        #expect(evaluation.falseEventsOfLabels.map(\.events) == [2, 0, 0])
        #expect(evaluation.falseEventsOfLabels[0].seconds == 6 && evaluation.falseEventsOfLabels[1].seconds == 8)
        #expect(evaluation.eventCounts.isEmpty && !evaluation.isTimed && !evaluation.isSingle)
        let first = evaluation.firstLabel
        #expect([first.recordings, first.right, first.related] == [3, 1, 1])
    }

    /// Where "horn" is above "dog", a horn is no false event in a dog's recording.
    @Test func relatives() throws {
        let parents = ["dog": ["horn"]]
        let evaluation = try evaluation([record([0.9, 0.1], [1], nil, parents: parents)], parents: parents)
        #expect(evaluation.falseEventsOfLabels[0].seconds == 0 && evaluation.falseEventsOfLabels[0].events == 0)
        let first = evaluation.firstLabel
        #expect([first.recordings, first.right, first.related] == [1, 0, 1])
    }

    @Test func choiceOfThresholds() throws {
        // In an hour without the horn it reaches 0.42 once and 0.22 once more; the horn itself reaches 0.5 and 0.3.
        var other = [Float](repeating: 0.005, count: 3600)
        (other[10], other[20]) = (0.42, 0.22)
        let sweep = try evaluation([
            record(other, [1], nil), record([0.5, 0.005], [0], nil), record([0.3, 0.005], [0], nil),
        ]).sweep
        #expect(sweep.given == [2, 1, 0] && sweep.otherSeconds == [3600, 4, 3604])
        let curve = sweep.curve(0)
        #expect(curve.first { $0.threshold == 0.4 }.map { [$0.found, $0.falseEvents] } == [1, 1])
        #expect(curve.first { $0.threshold == 0.2 }.map { [$0.found, $0.falseEvents] } == [2, 2])
        #expect(curve.first { $0.threshold == 0.45 }.map { [$0.found, $0.falseEvents] } == [1, 0])
        // None: above 0.42 the highest threshold with one found is 0.5. One: 0.3 finds both.
        let none = sweep.choice(0, falseEventsPerHour: 0, own: 0.6)
        #expect([none.threshold, none.rate, none.recall] == [0.5, 0, 0.5] && none.isReached)
        let one = sweep.choice(0, falseEventsPerHour: 1, own: 0.6)
        #expect([one.threshold, one.rate, one.recall] == [0.3, 1, 1] && one.isReached)
        // An hour cannot show half a false event an hour: the threshold stays.
        #expect(sweep.choice(0, falseEventsPerHour: 0.5, own: 0.6).threshold == 0.6)
        // A label that is not given keeps its threshold, or gets the lowest one that is allowed and higher.
        let quiet = sweep.choice(2, falseEventsPerHour: 0, own: 0.6)
        #expect([quiet.threshold, quiet.rate, quiet.recall] == [0.6, 0, nil] && quiet.isReached)
        let alone = try evaluation([record(other, [1], nil)]).sweep
        #expect(alone.choice(0, falseEventsPerHour: 0, own: 0.3).threshold == 0.45)
        #expect(alone.choice(0, falseEventsPerHour: 0, own: 0.6).threshold == 0.6)
        // A label that is always there has false events at every threshold.
        let loud = try evaluation([record([1, 1, 1], [1], nil)]).sweep
            .choice(0, falseEventsPerHour: 1, own: 0.6)
        #expect(loud.threshold == 1 && loud.rate == nil && !loud.isReached)
    }

    /// Likely errors of the labels come first: those in which the first label is much likelier than the given one.
    @Test func likelyLabelErrors() throws {
        func scored(_ file: String, _ scores: [Float], _ given: Set<Int>) -> EvaluatedRecording {
            EvaluatedRecording(
                file: file, seconds: 1, labels: given, events: nil, scores: scores, first: scores.ranked(1).first,
                reported: [], sweep: ThresholdSweep(labels: 3))
        }
        let evaluation = try evaluation([
            scored("right", [0.9, 0.1, 0], [0]), scored("unsure", [0.5, 0.4, 0], [1]),
            scored("wrong", [0.95, 0.02, 0], [1]), scored("weak", [0.4, 0.3, 0], [0]),
        ])
        #expect(evaluation.comparisons.map(\.file) == ["wrong", "unsure", "weak", "right"])
        #expect(evaluation.comparisons[0].givenProbability == 0.02)
    }

    /// The largest assignment, where taking the nearest one first would lose a pair.
    @Test func matchingIsOptimal() {
        var comparison = EventComparison()
        comparison.isOnsetOnly = true
        let counts = comparison.counts(given: [1.0...2, 1.3...2], reported: [1.15...2, 0.9...2])
        #expect(counts == MatchCounts(given: 2, reported: 2, right: 2))
        let chain = (0..<2000).map { Double($0) * 0.3 }
        let many = comparison.counts(given: chain.map { $0...$0 }, reported: chain.map { $0 + 0.15...$0 + 0.15 })
        #expect(many.right == 2000)
    }

    @Test func quantiles() {
        let values = Quantiles([3, 1, 2, 4])
        #expect(values.quantile(0.5) == 2.5 && values.quantile(0.25) == 1.75 && values.mean == 2.5)
        #expect(Quantiles([]).quantile(0.5) == nil && Quantiles([]).mean == nil)
    }
}
