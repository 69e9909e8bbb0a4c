internal import AudioClassifier
internal import Kernels
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Events are reported where the sound is, not where the model noticed it.
@Suite struct EventTimeTests {
    private func detector(
        _ decision: [String: JSONValue], _ change: (inout DecisionRules.Settings) -> Void = { _ in }
    ) throws -> EventDetector {
        var settings = DecisionRules.Settings()
        change(&settings)
        return EventDetector(try DecisionRules(try configuration(decision: decision), settings))
    }

    /// Returns the events of a track with a prediction every 100 ms from 1 s on: probability and level.
    private func detect(_ detector: consuming EventDetector, _ track: [(p: Float, level: Double)]) -> [Event] {
        var detector = detector
        var events: [Event] = []
        for (index, step) in track.enumerated() {
            events += detector.update(prediction([step.p, 0, 0], at: 1000 + 100 * index, level: step.level))
        }
        return events + detector.finish()
    }

    private func times(_ events: [Event]) -> [[Int?]] {
        events.map { event in
            [Int((event.start * 1000).rounded()), event.end.map { Int(($0 * 1000).rounded()) }]
        }
    }

    private let loud: [(p: Float, level: Double)] = [(0, -60)] + Array(repeating: (0.9, -20), count: 5)

    @Test func delaysMoveBothEnds() throws {
        let track = loud + [(0, -20)]
        let delayed = try detector(["onset_delay_ms": 300, "offset_delay_ms": 200])
        #expect(times(detect(delayed, track)) == [[800, nil], [800, 1300]])
        #expect(times(detect(try detector([:]), track)) == [[1100, nil], [1100, 1500]])
        let padded = try detector(["onset_delay_ms": 300, "offset_delay_ms": 200]) { $0.padding = 50 }
        #expect(times(detect(padded, track)) == [[750, nil], [750, 1350]])
    }

    @Test func eventBeginsInTheStreamAndEndsAfterItsBeginning() throws {
        let early = try detector(["onset_delay_ms": 2000, "offset_delay_ms": 0])
        #expect(times(detect(early, loud)).first == [0, nil])
        let short = try detector(["onset_delay_ms": 0, "offset_delay_ms": 2000])
        #expect(times(detect(short, loud + [(0, -20)])).last == [1100, 1100])
        #expect(times(detect(short, loud)).last == [1100, 1500], "the model has not forgotten it at the stream's end")
        // What was noticed at 1.1 s has lasted until then.
        let both = try detector(["onset_delay_ms": 300, "offset_delay_ms": 2000])
        #expect(times(detect(both, loud + [(0, -20)])).last == [800, 1100])
    }

    @Test func identityIsThePredictions() throws {
        let events = detect(try detector(["onset_delay_ms": 300]), loud)
        #expect(events.map(\.id) == ["17600-horn", "17600-horn"], "1.1 s at 16 kHz")
    }

    /// The model remembers the sound for a second after its end.
    @Test func levelEndsASoundThatTheModelRemembers() throws {
        let remembered = loud + Array(repeating: (p: Float(0.8), level: -40.0), count: 10) + [(0, -40)]
        #expect(times(detect(try detector(["offset_fall_db": 15]), remembered)).last == [1100, 1500])
        #expect(times(detect(try detector(["offset_fall_db": 20]), remembered)).last == [1100, 2500], "20 dB are near")
        #expect(times(detect(try detector([:]), remembered)).last == [1100, 2500])
        let again = loud + Array(repeating: (p: Float(0.8), level: -40.0), count: 10) + [(0.8, -30), (0, -40)]
        #expect(times(detect(try detector(["offset_fall_db": 15]), again)).last == [1100, 2600], "pauses are inside")
        let louder = loud + [(0.9, 0), (0.9, -20), (0, -40)]
        #expect(times(detect(try detector(["offset_fall_db": 15]), louder)).last == [1100, 1600])
    }

    /// The sound is over before the model notices it: its level decides, not that of the silence after it.
    @Test func levelBeforeTheFirstPredictionEndsASound() throws {
        let noticedLate: [(p: Float, level: Double)] =
            [(0, -90), (0, -20), (0, -22), (0, -25), (0, -90), (0, -90)]
            + Array(repeating: (0.9, -90), count: 10) + [(0, -90)]
        let rules: [String: JSONValue] = ["onset_delay_ms": 500, "offset_fall_db": 15]
        #expect(times(detect(try detector(rules), noticedLate)).last == [1100, 1300])
        // Predictions at the beginning or before it are none of the event's.
        let shorter: [String: JSONValue] = ["onset_delay_ms": 200, "offset_fall_db": 15]
        #expect(times(detect(try detector(shorter), noticedLate)).last == [1400, 2500])
        let between: [String: JSONValue] = ["onset_delay_ms": 400, "offset_fall_db": 4]
        #expect(times(detect(try detector(between), noticedLate)).last == [1200, 1300])
    }

    /// What was quiet is not the sound, however early the model may have noticed it.
    @Test func eventBeginsWhereTheLevelRises() throws {
        let rules: [String: JSONValue] = ["onset_delay_ms": 600, "offset_fall_db": 15]
        let quiet = Array(repeating: (p: Float(0), level: -90.0), count: 5)
        let sound = Array(repeating: (p: Float(0.9), level: -25.0), count: 4)
        let begins = { [self] (rules: [String: JSONValue], track: [(p: Float, level: Double)]) in
            times(detect(try detector(rules), track)).first
        }
        #expect(try begins(rules, quiet + [(0, -20), (0, -22)] + sound) == [1400, nil])
        #expect(try begins(rules, quiet + [(0, -60), (0, -41), (0, -39)] + sound) == [1600, nil], "16 dB are quiet")
        #expect(try begins(rules, quiet + sound) == [1400, nil], "the first prediction alone is loud")
        #expect(try begins(rules, quiet + [(0, -20), (0, -90)] + sound) == [1400, nil], "pauses are inside")
        #expect(try begins(["onset_delay_ms": 600], quiet + [(0, -20), (0, -22)] + sound) == [1100, nil])
        let noise = quiet.map { (p: $0.p, level: -34.0) }
        #expect(try begins(rules, noise + [(0, -20), (0, -22)] + sound) == [1100, nil], "14 dB are loud")
        let shorter: [String: JSONValue] = ["onset_delay_ms": 200, "offset_fall_db": 15]
        #expect(try begins(shorter, quiet + [(0, -20), (0, -22), (0, -25)] + sound) == [1600, nil], "always loud")
    }

    /// A prediction exactly one delay before the first one is not later than the beginning, whatever rounding does.
    @Test func timesDoNotDependOnThePosition() throws {
        // Loud at that prediction, and quiet after it: it would hide the rise if it counted.
        let track: [(p: Float, level: Double)] = [(0, -20), (0, -40), (0, -40), (0.9, -20), (0.9, -20), (0, -40)]
        for position in stride(from: 1000, to: 9000, by: 40) {
            var detector = try detector(
                ["onset_delay_ms": 120, "offset_fall_db": 15, "min_duration_ms": 0, "max_gap_ms": 0])
            var events: [Event] = []
            for (index, step) in track.enumerated() {
                let time = position + 40 * index
                events += detector.update(prediction([step.p, 0, 0], at: time, level: step.level))
            }
            events += detector.finish()
            #expect(times(events).last == [position + 80, position + 160], "from \(position) ms on")
        }
    }

    @Test func eventBeginsAfterTheOneBefore() throws {
        let track = loud + [(0, -20)] + loud.dropFirst() + [(0, -20)]
        let delayed = try detector(["onset_delay_ms": 900, "offset_delay_ms": 100])
        #expect(times(detect(delayed, track)) == [[200, nil], [200, 1400], [1400, nil], [1400, 2000]])
    }

    @Test func suspendedDetectorKeepsItsTimes() throws {
        let remembered = loud + Array(repeating: (p: Float(0.8), level: -40.0), count: 3) + [(0, -40)]
        let track = remembered + loud + [(0, -20)]
        let decision: [String: JSONValue] = ["onset_delay_ms": 800, "offset_delay_ms": 50, "offset_fall_db": 15]
        let whole = detect(try detector(decision), track)
        #expect(whole.count == 4)
        for cut in track.indices {
            var first = try detector(decision)
            var events: [Event] = []
            for index in 0..<cut {
                events += first.update(
                    prediction([track[index].p, 0, 0], at: 1000 + 100 * index, level: track[index].level))
            }
            var writer = SnapshotWriter()
            first.snapshot(to: &writer)
            var second = try detector(decision)
            var reader = SnapshotReader(writer.bytes)
            try second.restore(from: &reader, position: 1 << 20, time: 60)
            #expect(reader.remaining == 0)
            for index in cut..<track.count {
                events += second.update(
                    prediction([track[index].p, 0, 0], at: 1000 + 100 * index, level: track[index].level))
            }
            #expect(events + second.finish() == whole, "suspended after \(cut) predictions")
        }
    }
}
