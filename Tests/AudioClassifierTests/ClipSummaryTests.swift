internal import AudioClassifier
internal import Testing

@Suite struct ClipSummaryTests {
    /// Returns the summary of predictions at these times, in milliseconds.
    private func scores(
        background: [String] = [], summary: [String: String] = [:], from start: Int = 0,
        _ track: [(at: Int, probabilities: [Float])]
    ) throws -> [Float] {
        var clip = ClipSummary(try configuration(background: background, summary: summary, summaryStart: start))
        for step in track { clip.update(prediction(step.probabilities, at: step.at)) }
        return clip.scores
    }

    @Test func largestOfSoundsAndMeanOfBackground() throws {
        let track: [(Int, [Float])] = [(0, [0.25, 0.5, 0.25]), (40, [0.75, 0.125, 0.125])]
        #expect(try scores(background: ["quiet"], track) == [0.75, 0.5, 0.1875])
        #expect(try scores(track) == [0.75, 0.5, 0.25])
        #expect(try scores(background: ["horn", "dog", "quiet"], track) == [0.5, 0.3125, 0.1875])
    }

    @Test func modelNamesTheStatistics() throws {
        let track: [(Int, [Float])] = [
            (1100, [0.25, 0.5, 0.25]), (1200, [0.75, 0.125, 0.125]), (1300, [0.5, 0, 0.5]),
        ]
        let all = ["horn": "mean", "dog": "least", "quiet": "largest"]
        #expect(try scores(background: ["quiet"], summary: all, track) == [0.5, 0, 0.5])
        #expect(
            try scores(background: ["quiet"], summary: ["horn": "least"], track) == [0.25, 0.5, 0.875 / 3],
            "others keep theirs")
    }

    /// What a model says when it has heard next to nothing counts only if it says nothing else.
    @Test func beginningIsLeftOut() throws {
        let track: [(Int, [Float])] = [
            (160, [0.75, 0, 0.25]), (1000, [0.5, 0.25, 0.25]), (1120, [0.125, 0.375, 0.5]), (1280, [0, 0.5, 0.25]),
        ]
        #expect(try scores(background: ["quiet"], from: 1000, track) == [0.125, 0.5, 0.375])
        #expect(try scores(background: ["quiet"], from: 1000, Array(track.prefix(2))) == [0.75, 0.25, 0.25])
        #expect(try scores(background: ["quiet"], from: 1119, track) == [0.125, 0.5, 0.375])
        #expect(try scores(background: ["quiet"], from: 1120, track) == [0, 0.5, 0.25])
        #expect(try scores(background: ["quiet"], track) == [0.75, 0.5, 0.3125])
    }

    @Test func leastLeavesOutTheBeginning() throws {
        let least = ["quiet": "least"]
        let silence: [(Int, [Float])] = [
            (160, [0, 0, 0.1]), (960, [0, 0, 0.2]), (1120, [0, 0, 0.7]), (1280, [0, 0, 0.9]),
        ]
        #expect(try scores(summary: least, from: 1000, silence)[2] == 0.7)
        #expect(
            try scores(summary: least, from: 1000, Array(silence.prefix(2)))[2] == 0.2,
            "a shorter one has its last prediction")
        #expect(try scores(summary: least, silence)[2] == 0.1)
        let cough = silence + [(1440, [0, 0.5, 0.05]), (1600, [0, 0, 0.95])]
        #expect(try scores(summary: least, from: 1000, cough)[2] == 0.05, "a sound that is short ends the silence")
    }

    @Test func noPredictionHasNoScores() throws {
        #expect(try scores(summary: ["quiet": "least"], []).isEmpty)
    }
}
