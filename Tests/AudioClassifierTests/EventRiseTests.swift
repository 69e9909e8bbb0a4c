internal import AudioClassifier
internal import StrictCoding
internal import Testing

/// An event needs a rise of the level, or a higher probability: a word alone is a command, one of a sentence is not.
@Suite struct EventRiseTests {
    private static let quiet = (p: Float(0.1), level: -60.0)
    private static let word = (p: Float(0.9), level: -20.0)
    private static let sentence = (p: Float(0.1), level: -20.0)

    /// Returns the starts of events in milliseconds, with a prediction every 100 ms from 1 s on.
    private func starts(
        _ steps: [(p: Float, level: Double)], model: Double = 8, asked: Double? = nil, steady: Double = 1,
        threshold: Double? = nil
    ) throws -> [Int] {
        var settings = DecisionRules.Settings()
        settings.minimumRise = asked
        settings.threshold = threshold
        let decision: [String: JSONValue] = ["min_rise_db": .number(model), "steady_threshold": .number(steady)]
        var detector = EventDetector(try DecisionRules(try configuration(decision: decision), settings))
        var events: [Event] = []
        for (index, step) in steps.enumerated() {
            events += detector.update(prediction([step.p, 0, 0], at: 1000 + 100 * index, level: step.level))
        }
        events += detector.finish()
        return events.filter(\.isOngoing).map { Int(($0.start * 1000).rounded()) }
    }

    private func times(_ count: Int, _ step: (p: Float, level: Double)) -> [(p: Float, level: Double)] {
        Array(repeating: step, count: count)
    }

    @Test func wordAfterAPauseIsAnEvent() throws {
        #expect(try starts(times(10, Self.quiet) + times(3, Self.word)) == [2000])
        let late = times(10, Self.quiet) + times(4, Self.sentence) + times(3, Self.word)
        #expect(try starts(late) == [2400], "the model notices a word when half of it is over")
    }

    @Test func wordInsideASentenceIsNone() throws {
        let inside = times(10, Self.sentence) + times(8, Self.word) + times(1, Self.sentence)
        #expect(try starts(inside) == [])
        #expect(try starts(inside, model: 0) == [2000] && starts(inside, asked: 0) == [2000])
        #expect(try starts(inside, model: 0, asked: 8) == [])
        let thenAlone = inside + times(10, Self.quiet) + times(3, Self.word)
        #expect(try starts(thenAlone) == [3900], "the next one counts")
    }

    @Test func sureWordInsideASentenceIsAnEvent() throws {
        let inside = times(10, Self.sentence) + times(2, (p: 0.7, level: -20)) + times(8, Self.word)
        #expect(try starts(inside, steady: 0.9) == [2000], "from the label's own threshold on")
        #expect(try starts(inside, steady: 0.91) == [])
        #expect(try starts(inside, asked: 0, steady: 0.91) == [2000])
        let alone = times(10, Self.quiet) + times(3, (p: 0.7, level: -20))
        #expect(try starts(alone, steady: 0.9) == [2000], "after a pause the label's threshold is enough")
        #expect(try starts(times(10, Self.sentence) + times(3, Self.word), steady: 0.3) == [2000])
        #expect(try starts(times(10, Self.sentence) + times(3, (p: 0.5, level: -20)), steady: 0.3) == [])
    }

    @Test func thresholdOfTheUserIsEnough() throws {
        let inside = times(10, Self.sentence) + times(3, Self.word)
        #expect(try starts(inside, threshold: 0.8) == [2000])
        #expect(try starts(inside, asked: 8, threshold: 0.8) == [], "but for a rise that is asked for as well")
    }

    /// A run of predictions that begins without a rise stays none, whatever follows in it.
    @Test func louderSyllableOfTheSameWordStartsNothing() throws {
        let run = times(10, Self.sentence) + times(10, (p: 0.9, level: -45)) + times(3, Self.word)
        #expect(try starts(run) == [])
        #expect(try starts(run, asked: 0) == [2000])
    }

    /// The half second up to a prediction has five of them here, and the half second before it five more.
    @Test func halfSecondsAreCompared() throws {
        func isEvent(quietFor count: Int, thenLoudFor lead: Int) throws -> Bool {
            let steps = times(10, Self.sentence) + times(count, Self.quiet) + times(lead, Self.sentence)
            return try !starts(steps + times(1, Self.word)).isEmpty
        }
        #expect(try isEvent(quietFor: 5, thenLoudFor: 4))
        #expect(try !isEvent(quietFor: 4, thenLoudFor: 4), "a fifth of the half second is loud: 7 dB below the word")
        #expect(try !isEvent(quietFor: 5, thenLoudFor: 5))
        #expect(try starts(times(6, (0.1, -28.01)) + times(1, Self.word)) == [1600])
        #expect(try starts(times(6, (0.1, -27.99)) + times(1, Self.word)) == [])
    }

    @Test func theBeginningOfAStreamCountsAsAPause() throws {
        #expect(try starts(times(2, Self.word)) == [1000])
        #expect(try starts(times(4, Self.sentence) + times(2, Self.word)) == [1400])
        #expect(try starts(times(5, Self.sentence) + times(2, Self.word)) == [])
    }

    @Test func settingIsChecked() throws {
        for value in [-1, 121, Double.nan] {
            var settings = DecisionRules.Settings()
            settings.minimumRise = value
            #expect(throws: ClassifierError.self) { try DecisionRules(try configuration(), settings) }
        }
    }
}
