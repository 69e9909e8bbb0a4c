internal import AudioClassifier
internal import Kernels
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Properties of events that hold for all probabilities and settings.
@Suite struct EventPropertyTests {
    private static let labels = ["a", "b", "c", "d", "noise"]
    private static let step = 40

    private struct Run {
        let rules: DecisionRules
        let predictions: [Prediction]

        init(seed: UInt64) throws {
            var random = SplitMix64(seed: seed)
            var settings = DecisionRules.Settings()
            let threshold = 0.3 + 0.6 * random.uniform()
            settings.threshold = threshold
            settings.thresholdOff = threshold * (0.3 + 0.7 * random.uniform())
            settings.minimumDuration = [0, 0, 80, 200][random.integer(in: 0...3)]
            settings.maximumGap = [0, 0, 80, 400][random.integer(in: 0...3)]
            settings.refractoryTime = [0, 0, 120, 1000][random.integer(in: 0...3)]
            settings.padding = [0, 100][random.integer(in: 0...1)]
            settings.minimumLevel = [-120, -40][random.integer(in: 0...1)]
            settings.minimumRise = [0, 6][random.integer(in: 0...1)]
            rules = try DecisionRules(
                try configuration(labels: EventPropertyTests.labels, background: ["noise"]), settings)
            var values = [Double](repeating: 0.5, count: EventPropertyTests.labels.count)
            let restlessness = 0.05 + 0.5 * random.uniform()
            predictions = (0..<random.integer(in: 0...400)).map { index in
                for label in values.indices {
                    values[label] = min(1, max(0, values[label] + restlessness * random.normal()))
                }
                return prediction(
                    values.map(Float.init), at: EventPropertyTests.step * index, index: index,
                    level: -60 * random.uniform(), labels: EventPropertyTests.labels)
            }
        }

        func events() -> [Event] {
            var detector = EventDetector(rules)
            return predictions.flatMap { detector.update($0) } + detector.finish()
        }

        /// The detector is suspended and resumed after `cut` predictions.
        func events(suspendedAfter cut: Int) throws -> [Event] {
            var first = EventDetector(rules)
            var events = predictions[..<cut].flatMap { first.update($0) }
            var writer = SnapshotWriter()
            first.snapshot(to: &writer)
            let last = predictions[..<cut].last ?? prediction([0], at: 0, labels: ["none"])
            var second = EventDetector(rules)
            var reader = SnapshotReader(writer.bytes)
            try second.restore(from: &reader, position: last.sample, time: last.time)
            #expect(reader.remaining == 0)
            events += predictions[cut...].flatMap { second.update($0) }
            return events + second.finish()
        }
    }

    @Test(arguments: UInt64(0)..<200)
    func startsAndEndsAlternate(seed: UInt64) throws {
        let run = try Run(seed: seed)
        let events = run.events()
        #expect(events == run.events(), "events are a function of the predictions")
        for label in Self.labels.indices {
            let own = events.filter { $0.labelIndex == label }
            #expect(own.count.isMultiple(of: 2))
            #expect(own.enumerated().allSatisfy { $1.isOngoing == $0.isMultiple(of: 2) })
            #expect(Set(own.map(\.id)).count * 2 == own.count, "an id belongs to one event")
            var previous: Event?
            for index in stride(from: 0, to: own.count - 1, by: 2) {
                let cutShort = own[index + 1].end == run.predictions.last.map { $0.time + run.rules.padding }
                try check(start: own[index], end: own[index + 1], after: previous, cutShort: cutShort, run.rules)
                previous = own[index + 1]
            }
        }
        #expect(events.allSatisfy { $0.label != "noise" }, "noise is background")
    }

    private func check(
        start: Event, end: Event, after previous: Event?, cutShort: Bool, _ rules: DecisionRules
    ) throws {
        let padding = rules.padding
        let last = try #require(end.end)
        #expect(start.id == end.id && start.start == end.start)
        #expect(end.start <= last)
        #expect(end.peakProbability >= start.peakProbability)
        #expect(end.peakProbability >= rules.startThresholds[start.labelIndex])
        let begin = Double(start.sample) / 16000
        #expect(start.start == max(0, begin - padding))
        #expect(last - padding - begin >= rules.minimumDuration / (cutShort ? 2 : 1) - 1e-6)
        guard let previous else { return }
        let before = try #require(previous.end)
        #expect(previous.start <= start.start && before <= last, "times of a label do not decrease")
        let pause = begin - (before - padding)
        #expect(pause > 0 && pause > rules.maximumGap - 1e-6, "a gap that short is merged")
        #expect(pause >= rules.refractoryTime - 1e-6)
    }

    @Test(arguments: UInt64(0)..<40)
    func suspendedDetectorGoesOn(seed: UInt64) throws {
        let run = try Run(seed: seed)
        let whole = run.events()
        for cut in stride(from: 0, through: run.predictions.count, by: 7) {
            #expect(try run.events(suspendedAfter: cut) == whole, "suspended after \(cut) predictions")
        }
    }

    /// A state of random bytes is refused, or its events can be written.
    @Test func damagedStateDoesNotTrap() throws {
        let run = try Run(seed: 3)
        var detector = EventDetector(run.rules)
        for prediction in run.predictions.prefix(50) { _ = detector.update(prediction) }
        var writer = SnapshotWriter()
        detector.snapshot(to: &writer)
        var random = SplitMix64(seed: 9)
        for _ in 0..<2000 {
            var bytes = writer.bytes
            bytes[random.integer(in: 0...bytes.count - 1)] = UInt8(random.integer(in: 0...255))
            var damaged = EventDetector(run.rules)
            var reader = SnapshotReader(bytes)
            guard (try? damaged.restore(from: &reader, position: 1 << 48, time: 1e9)) != nil else { continue }
            for event in damaged.finish() {
                let end = try #require(event.end)
                #expect(Decimal.text(event.start, 6) != "" && Decimal.text(end, 6) != "")
            }
        }
    }
}
