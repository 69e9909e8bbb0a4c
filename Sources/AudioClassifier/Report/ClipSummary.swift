/// Scores of a whole recording: for each label its largest probability at any step, for background labels (silence,
/// unknown) the mean, because they are there whenever nothing else is.
package struct ClipSummary: Sendable {
    private var largest: [Float]
    private var sums: [Double]
    private var count = 0

    package init(labels: Int) {
        largest = [Float](repeating: 0, count: labels)
        sums = [Double](repeating: 0, count: labels)
    }

    /// Adds a prediction.
    package mutating func update(_ prediction: Prediction) {
        count += 1
        for label in largest.indices {
            largest[label] = max(largest[label], prediction.probabilities[label])
            sums[label] += Double(prediction.probabilities[label])
        }
    }

    /// Returns a score for each label, or none if there was no prediction.
    package func scores(isBackground: (Int) -> Bool) -> [Float] {
        guard count > 0 else { return [] }
        return largest.indices.map { isBackground($0) ? Float(sums[$0] / Double(count)) : largest[$0] }
    }
}
