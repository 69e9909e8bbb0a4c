internal import AudioClassifier
internal import Kernels
internal import StrictCoding
internal import Testing

/// The order of labels in frames follows smoothed probabilities; all else does not.
@Suite struct SmoothingTests {
    private func reporter(_ mode: ReportMode, smoothing: Int, events: Bool = false) throws -> StreamReporter {
        let configuration = try configuration(smoothing: smoothing)
        var options = ReportOptions(rules: try DecisionRules(configuration))
        options.mode = mode
        options.addsEvents = events
        options.topCount = 2
        return StreamReporter(configuration, stream: "s", options: options)
    }

    /// A dog in every third prediction, 100 ms apart.
    private let track = (0..<30).map { index in
        prediction(index % 3 == 2 ? [0.3, 0.9, 0] : [0.8, 0, 0.1], at: 100 * index, index: index)
    }

    private func tops(_ records: [Record]) -> [[Classification]] {
        records.compactMap { if case .frame(_, _, _, _, _, let top, _) = $0 { top } else { nil } }
    }

    @Test func firstLabelDoesNotFlicker() throws {
        var plain = try reporter(.changes, smoothing: 0)
        #expect(track.flatMap { plain.records($0) }.count == 20)
        var smooth = try reporter(.changes, smoothing: 500)
        #expect(tops(track.flatMap { smooth.records($0) }).map { $0[0].label } == ["horn"])
    }

    @Test func probabilitiesAreThePredictions() throws {
        var smooth = try reporter(.frames, smoothing: 500)
        let tops = tops(track.prefix(3).flatMap { smooth.records($0) })
        #expect(tops[2] == [Classification(label: "horn", probability: 0.3), .init(label: "dog", probability: 0.9)])
    }

    /// After a step from 0 to 1 the smoothed probability is 1 - exp(-t / time constant), which passes 0.5 after ln 2
    /// time constants, 347 ms.
    @Test func orderFollowsWithTheTimeConstant() throws {
        var smooth = try reporter(.frames, smoothing: 500)
        let step = [prediction([1, 0, 0], at: 0)] + (1...6).map { prediction([0, 1, 0], at: 100 * $0, index: $0) }
        let labels = tops(step.flatMap { smooth.records($0) }).map { $0[0].label }
        #expect(labels == ["horn", "horn", "horn", "horn", "dog", "dog", "dog"])
    }

    @Test func eventsAndSummariesAreAsBefore() throws {
        func records(_ mode: ReportMode, smoothing: Int) throws -> [String] {
            var reporter = try reporter(mode, smoothing: smoothing, events: true)
            let records = track.flatMap { reporter.records($0) } + reporter.finalRecords(file: "f", seconds: 3)
            return records.map(\.json).filter { !$0.contains("\"frame\"") }
        }
        for mode in [ReportMode.events, .summary, .frames] {
            let expected = try records(mode, smoothing: 0)
            #expect(!expected.isEmpty)
            #expect(try records(mode, smoothing: 500) == expected)
        }
    }

    @Test func suspendedOrderGoesOn() throws {
        var whole = try reporter(.frames, smoothing: 700)
        let expected = tops(track.flatMap { whole.records($0) })
        for cut in [0, 1, 2, 17] {
            var first = try reporter(.frames, smoothing: 700)
            var observed = tops(track[..<cut].flatMap { first.records($0) })
            var writer = SnapshotWriter()
            first.snapshot(to: &writer)
            var second = try reporter(.frames, smoothing: 700)
            var reader = SnapshotReader(writer.bytes)
            try second.restore(from: &reader, position: 48000, rate: 16000)
            #expect(reader.remaining == 0)
            observed += tops(track[cut...].flatMap { second.records($0) })
            #expect(observed == expected, "suspended after \(cut) predictions")
        }
    }
}
