internal import AudioClassifier
internal import Testing

@Suite struct ClipSummaryTests {
    @Test func largestOfSoundsAndMeanOfBackground() {
        var summary = ClipSummary(labels: 3)
        summary.update(prediction([0.25, 0.5, 0.25], at: 0))
        summary.update(prediction([0.75, 0.125, 0.125], at: 40))
        #expect(summary.scores { $0 == 2 } == [0.75, 0.5, 0.1875])
        #expect(summary.scores { _ in false } == [0.75, 0.5, 0.25])
        #expect(summary.scores { _ in true } == [0.5, 0.3125, 0.1875])
    }

    @Test func noPredictionHasNoScores() {
        #expect(ClipSummary(labels: 3).scores { _ in false }.isEmpty)
    }
}
