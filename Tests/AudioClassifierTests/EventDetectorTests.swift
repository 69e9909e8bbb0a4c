internal import AudioClassifier
internal import Testing

/// Starts and ends of events of one label, with a prediction every 100 ms from 1 s on.
@Suite struct EventDetectorTests {
    /// Times of an event in milliseconds; nil if it is not reported.
    struct Span: Equatable, CustomStringConvertible {
        var start: Int?
        var end: Int?
        var description: String { "\(start.map(String.init) ?? "?")-\(end.map(String.init) ?? "?")" }
    }

    private let probabilities: [Character: Float] = ["#": 0.9, "+": 0.5, "-": 0.1]

    /// - Parameter track: `#` above both thresholds, `+` between them, `-` below both.
    private func detect(
        _ track: String, step: Int = 100, from origin: Int = 1000, level: Double = -20,
        _ change: (inout DecisionRules.Settings) -> Void = { _ in }
    ) throws -> [Event] {
        var settings = DecisionRules.Settings()
        change(&settings)
        var detector = EventDetector(try DecisionRules(try configuration(), settings))
        var events: [Event] = []
        for (index, symbol) in track.enumerated() {
            let value = try #require(probabilities[symbol])
            events += detector.update(prediction([value, 0, 0.9], at: origin + step * index, level: level))
        }
        return events + detector.finish()
    }

    /// Returns starts and ends as spans, after a check that they pair up.
    private func spans(_ events: [Event]) throws -> [Span] {
        var spans: [Span] = []
        for event in events {
            let start = Int((event.start * 1000).rounded())
            #expect(event.isOngoing == (event.end == nil))
            guard let end = event.end else {
                spans.append(Span(start: start))
                continue
            }
            #expect(spans.last?.start == start && spans.last?.end == nil, "an end without its start")
            spans[spans.count - 1].end = Int((end * 1000).rounded())
        }
        return spans
    }

    @Test func startsAtOneThresholdAndEndsBelowTheOther() throws {
        #expect(try spans(detect("--")) == [])
        #expect(try spans(detect("-++-")) == [], "between the thresholds nothing starts")
        #expect(try spans(detect("-#++-")) == [Span(start: 1100, end: 1300)], "and nothing ends")
        #expect(try spans(detect("#-+#")) == [Span(start: 1000, end: 1000), Span(start: 1300, end: 1300)])
    }

    @Test func exactThresholdsCount() throws {
        var detector = EventDetector(try DecisionRules(try configuration()))
        #expect(detector.update(prediction([0.59999, 0, 0], at: 0)).isEmpty)
        #expect(detector.update(prediction([0.6, 0, 0], at: 100)).map(\.isOngoing) == [true])
        #expect(detector.update(prediction([0.4, 0, 0], at: 200)).isEmpty)
        #expect(detector.update(prediction([0.39999, 0, 0], at: 300)).map(\.isOngoing) == [false])
    }

    @Test func shorterThanTheLeastDurationIsNone() throws {
        func result(_ track: String) throws -> [Span] { try spans(detect(track) { $0.minimumDuration = 200 }) }
        #expect(try result("##--#") == [])
        #expect(try result("#++-") == [Span(start: 1000, end: 1200)], "the lower threshold holds while it rises")
        #expect(try result("##-#") == [], "the end of the input shortens, it does not lengthen")
        #expect(try result("-##") == [Span(start: 1100, end: 1200)], "at the end half is enough")
        #expect(try result("-##-") == [])
    }

    @Test func closeEventsAreOne() throws {
        func result(_ track: String) throws -> [Span] { try spans(detect(track) { $0.maximumGap = 200 }) }
        #expect(try result("#-#-") == [Span(start: 1000, end: 1200)])
        #expect(try result("#--#-") == [Span(start: 1000, end: 1000), Span(start: 1300, end: 1300)])
        #expect(
            try result("#-+--#") == [Span(start: 1000, end: 1000), Span(start: 1500, end: 1500)], "+ starts nothing")
        #expect(try result("##-") == [Span(start: 1000, end: 1100)], "the gap is no part of the event")
    }

    @Test func restsAfterAnEvent() throws {
        func result(_ track: String) throws -> [Span] { try spans(detect(track) { $0.refractoryTime = 300 }) }
        #expect(try result("#-#-#-") == [Span(start: 1000, end: 1000), Span(start: 1400, end: 1400)])
        #expect(try result("#-###") == [Span(start: 1000, end: 1000), Span(start: 1300, end: 1400)])
    }

    @Test func padsBothEndsButNotBeforeTheStream() throws {
        let events = try detect("-#-") { $0.padding = 150 }
        #expect(try spans(events) == [Span(start: 950, end: 1250)])
        #expect(events.map(\.sample) == [17600, 17600], "the id does not move with the padding")
        #expect(try spans(detect("#-", from: 100) { $0.padding = 150 }) == [Span(start: 0, end: 250)])
    }

    @Test func nothingStartsInSilence() throws {
        #expect(try spans(detect("##-", level: -50) { $0.minimumLevel = -40 }) == [])
        #expect(try spans(detect("##-", level: -40) { $0.minimumLevel = -40 }) == [Span(start: 1000, end: 1100)])
        var settings = DecisionRules.Settings()
        settings.minimumLevel = -40
        var detector = EventDetector(try DecisionRules(try configuration(), settings))
        #expect(detector.update(prediction([0.9, 0, 0], at: 0, level: -30)).count == 1)
        #expect(detector.update(prediction([0.9, 0, 0], at: 100, level: -90)).isEmpty, "a started event continues")
    }

    @Test func finishEndsWhatIsOpen() throws {
        #expect(try spans(detect("-##")) == [Span(start: 1100, end: 1200)])
        #expect(try spans(detect("-#-") { $0.maximumGap = 500 }) == [Span(start: 1100, end: 1100)])
        #expect(try spans(detect("-#") { $0.minimumDuration = 500 }) == [])
    }

    @Test func reportsTheLargestProbability() throws {
        var detector = EventDetector(try DecisionRules(try configuration()))
        var events = detector.update(prediction([0.7, 0, 0], at: 0))
        events += detector.update(prediction([0.95, 0, 0], at: 100))
        events += detector.update(prediction([0.5, 0, 0], at: 200))
        events += detector.finish()
        #expect(events.map(\.peakProbability) == [0.7, 0.95])
    }

    @Test func labelsAreIndependent() throws {
        var detector = EventDetector(try DecisionRules(try configuration()))
        #expect(
            detector.update(prediction([0.9, 0.9, 0.9], at: 0)).map(\.label) == ["horn", "dog"], "quiet is background")
        #expect(detector.update(prediction([0.1, 0.9, 0.9], at: 100)).map(\.label) == ["horn"])
        #expect(detector.finish().map(\.labelIndex) == [1])
    }

    /// Times and often settings are multiples of the hop: a step of 40 ms and a gap of 120 ms must have the same effect
    /// at every position of a stream, in spite of rounded times.
    @Test func positionInTheStreamDoesNotMatter() throws {
        for period in 0..<500 {
            let origin = 55 + 40 * period
            let gap = try detect("#--#-", step: 40, from: origin) { $0.maximumGap = 120 }
            #expect(try spans(gap) == [Span(start: origin, end: origin + 120)])
            let duration = try detect("####-", step: 40, from: origin) { $0.minimumDuration = 120 }
            #expect(try spans(duration) == [Span(start: origin, end: origin + 120)])
            let rest = try detect("#--#", step: 40, from: origin) { $0.refractoryTime = 120 }
            #expect(try spans(rest).count == 2)
        }
    }
}
