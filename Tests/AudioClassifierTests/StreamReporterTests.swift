internal import AudioClassifier
internal import Kernels
internal import StrictCoding
internal import Testing

/// The records of a stream's predictions.
@Suite struct StreamReporterTests {
    private func reporter(
        _ mode: ReportMode, every: Int = 1, topCount: Int = 2,
        _ change: (inout DecisionRules.Settings) -> Void = { _ in }
    ) throws -> StreamReporter {
        var settings = DecisionRules.Settings()
        change(&settings)
        let configuration = try configuration()
        var options = ReportOptions(rules: try DecisionRules(configuration, settings))
        options.mode = mode
        options.every = every
        options.topCount = topCount
        return StreamReporter(configuration, stream: "s", options: options)
    }

    private func labels(_ records: [Record]) -> [[String]] {
        records.map { record in
            switch record {
            case .frame(_, _, _, _, _, let top, _), .summary(_, _, let top, _): top.map(\.label)
            case .event(let id, let phase, _, _, _, _, _): [id, phase.rawValue]
            case .start, .window, .error, .skipped, .gap, .failure, .end: []
            }
        }
    }

    @Test func framesAreRanked() throws {
        var reporter = try reporter(.frames)
        #expect(labels(reporter.records(prediction([0.1, 0.3, 0.6], at: 0))) == [["quiet", "dog"]])
        #expect(
            labels(reporter.records(prediction([0.4, 0.4, 0.2], at: 40))) == [["horn", "dog"]], "ties: first first")
        #expect(labels(reporter.records(prediction([0.2, 0.4, 0.4], at: 40))) == [["dog", "quiet"]])
        #expect(reporter.finalRecords(file: "f", seconds: 1).isEmpty)
    }

    @Test func everySoManyth() throws {
        var reporter = try reporter(.frames, every: 3)
        let reported = (0..<10).filter { !reporter.records(prediction([0, 0, 1], at: 40 * $0, index: $0)).isEmpty }
        #expect(reported == [0, 3, 6, 9])
    }

    @Test func topCountAndFilters() throws {
        for (count, expected) in [(1, ["quiet"]), (3, ["quiet", "dog", "horn"]), (9, ["quiet", "dog", "horn"])] {
            var reporter = try reporter(.frames, topCount: count)
            #expect(labels(reporter.records(prediction([0.1, 0.3, 0.6], at: 0))) == [expected])
        }
        var allowed = try reporter(.frames, topCount: 3) { $0.allow = ["horn", "dog"] }
        #expect(labels(allowed.records(prediction([0.1, 0.3, 0.6], at: 0))) == [["dog", "horn"]])
        var denied = try reporter(.frames, topCount: 3) { $0.deny = ["dog"] }
        #expect(labels(denied.records(prediction([0.1, 0.3, 0.6], at: 0))) == [["quiet", "horn"]])
    }

    @Test func changesAreReportedOnce() throws {
        var reporter = try reporter(.changes, topCount: 1)
        let track: [[Float]] = [[0.1, 0.3, 0.6], [0.1, 0.2, 0.7], [0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0, 0, 1]]
        let reported = track.enumerated().flatMap { labels(reporter.records(prediction($1, at: 40 * $0))) }
        #expect(reported == [["quiet"], ["horn"], ["quiet"]])
    }

    @Test func eventsHaveDeterministicNames() throws {
        var reporter = try reporter(.events)
        var reported = labels(reporter.records(prediction([0.9, 0, 0], at: 1000)))
        reported += labels(reporter.records(prediction([0.9, 0, 0], at: 1040)))
        reported += labels(reporter.finalRecords(file: "f", seconds: 2))
        #expect(reported == [["s-16000-horn", "start"], ["s-16000-horn", "end"]])
    }

    @Test func summaryComesLast() throws {
        var reporter = try reporter(.summary)
        #expect(reporter.records(prediction([0.9, 0, 0.1], at: 0)).isEmpty)
        #expect(reporter.records(prediction([0, 0.8, 0.2], at: 40)).isEmpty)
        #expect(labels(reporter.finalRecords(file: "f", seconds: 2)) == [["horn", "dog"]])
        var silent = try self.reporter(.summary)
        #expect(labels(silent.finalRecords(file: "f", seconds: 2)) == [[]], "there was no prediction")
    }

    @Test func suspendedReporterGoesOn() throws {
        var first = try reporter(.changes, topCount: 1)
        _ = first.records(prediction([1, 0, 0], at: 0))
        var writer = SnapshotWriter()
        first.snapshot(to: &writer)
        var second = try reporter(.changes, topCount: 1)
        var reader = SnapshotReader(writer.bytes)
        try second.restore(from: &reader, position: 640, rate: 16000)
        #expect(second.records(prediction([1, 0, 0], at: 40)).isEmpty, "the label is still the same")
        #expect(labels(second.records(prediction([0, 1, 0], at: 80))) == [["dog"]])
    }
}
