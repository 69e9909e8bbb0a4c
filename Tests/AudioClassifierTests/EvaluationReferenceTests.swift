internal import AudioClassifier
internal import Foundation
internal import Testing

/// The measures of an evaluation against those of sed_eval and scikit-learn, which
/// `scripts/make-evaluation-vectors.py` has written.
@Suite struct EvaluationReferenceTests {
    private struct Span: Decodable {
        let range: ClosedRange<Double>
        let label: String

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            let onset = try values.decode(Double.self)
            range = onset...(try values.decode(Double.self))
            label = try values.decode(String.self)
        }
    }

    private struct Recording: Decodable {
        let given: [Span]
        let reported: [Span]
    }

    private struct Counts: Decodable {
        let given: Int
        let reported: Int
        let right: Int
        let fMeasure: Double?
    }

    private struct Averages: Decodable {
        let precision: Double?
        let recall: Double?
        let fMeasure: Double?
    }

    private struct Measures: Decodable {
        let micro: Averages
        let macro: Averages
        let labels: [String: Counts]
    }

    private struct EventCase: Decodable {
        let collar: Double
        let onsetOnly: Bool
        let segment: Double
        let files: [Recording]
        let eventBased: Measures
        let segmentBased: Measures
    }

    private struct ScoreCase: Decodable {
        let truth: [Int]
        let scores: [[Double]]
        let precision: [Double?]
        let recall: [Double?]
        let f1: [Double?]
        let averagePrecision: [Double?]
        let confusion: [[Int]]
        let calibrationError: Double
    }

    private struct Cases: Decodable {
        let labels: [String]
        let events: [EventCase]
        let scores: [ScoreCase]
    }

    private let cases: Cases

    init() throws {
        let path = Bundle.module.bundleURL.appending(path: "Resources/evaluation.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        cases = try decoder.decode(Cases.self, from: Data(contentsOf: path))
    }

    private func expectNear(_ found: Double?, _ expected: Double?, _ what: String) {
        guard let found, let expected else {
            #expect(found == nil && expected == nil, "\(what): \(found as Any), expected \(expected as Any)")
            return
        }
        #expect(abs(found - expected) < 1e-9, "\(what): \(found), expected \(expected)")
    }

    private func ranges(_ spans: [Span], _ label: String) -> [ClosedRange<Double>] {
        spans.filter { $0.label == label }.map(\.range)
    }

    private func expect(
        _ expected: Measures, _ files: [Recording], _ what: String,
        compare: ([ClosedRange<Double>], [ClosedRange<Double>]) -> MatchCounts
    ) {
        var counts: [MatchCounts] = []
        for label in cases.labels {
            var sum = MatchCounts()
            for file in files { sum += compare(ranges(file.given, label), ranges(file.reported, label)) }
            let other = expected.labels[label]
            let numbers = [sum.given, sum.reported, sum.right]
            #expect(numbers == [other?.given, other?.reported, other?.right], "\(what), \(label)")
            expectNear(sum.strictF1, other?.fMeasure, "\(what), F1 of \(label)")
            counts.append(sum)
        }
        var total = MatchCounts()
        for count in counts { total += count }
        expectNear(total.strictF1, expected.micro.fMeasure, "\(what), micro F1")
        expectNear(total.precision, expected.micro.precision, "\(what), micro precision")
        expectNear(total.recall, expected.micro.recall, "\(what), micro recall")
        expectNear(counts.map(\.strictF1).meanOfDefined, expected.macro.fMeasure, "\(what), macro F1")
        expectNear(counts.map(\.precision).meanOfDefined, expected.macro.precision, "\(what), macro precision")
        expectNear(counts.map(\.recall).meanOfDefined, expected.macro.recall, "\(what), macro recall")
    }

    @Test func eventsAndSegmentsAreThoseOfSedEval() {
        #expect(cases.events.count == 12)
        for (number, each) in cases.events.enumerated() {
            var events = EventComparison()
            events.collar = each.collar
            events.isOnsetOnly = each.onsetOnly
            expect(each.eventBased, each.files, "events of case \(number)") { events.counts(given: $0, reported: $1) }
            var segments = SegmentComparison()
            segments.length = each.segment
            expect(each.segmentBased, each.files, "segments of case \(number)") {
                segments.counts(given: $0, reported: $1)
            }
        }
    }

    @Test func recordingsAreThoseOfScikitLearn() throws {
        let model = try configuration(labels: cases.labels, background: [])
        let rules = try RecordingObserver.Rules(model, DecisionRules.Settings())
        for (number, each) in cases.scores.enumerated() {
            var evaluation = Evaluation(rules, events: EventComparison(), segments: SegmentComparison())
            for (row, (truth, scores)) in zip(each.truth, each.scores).enumerated() {
                let values = scores.map { Float($0) }
                evaluation.add(
                    EvaluatedRecording(
                        file: "\(row).wav", seconds: 1, labels: [truth], events: nil, scores: values,
                        first: values.ranked(1).first, reported: [], sweep: ThresholdSweep(labels: 3)))
            }
            let counts = evaluation.recordingCounts
            for label in cases.labels.indices {
                let what = "case \(number), \(cases.labels[label])"
                expectNear(counts[label].precision, each.precision[label], "precision of \(what)")
                expectNear(counts[label].recall, each.recall[label], "recall of \(what)")
                expectNear(counts[label].f1, each.f1[label], "F1 of \(what)")
                expectNear(evaluation.averagePrecision(label), each.averagePrecision[label], "AP of \(what)")
            }
            let confusion = evaluation.confusion
            let expected = confusion.labels.map { row in confusion.labels.map { each.confusion[row][$0] } }
            #expect(confusion.counts == expected && confusion.counts.joined().reduce(0, +) == each.truth.count)
            expectNear(evaluation.reliability.expectedError, each.calibrationError, "calibration of case \(number)")
            let right = zip(each.truth, each.scores).count { $1.firstIndex(of: $1.max() ?? 0) == $0 }
            #expect(evaluation.firstLabel.right == right)
        }
    }
}
