package import StreamTransformer

/// Scores of a whole recording: for each label one statistic of its probabilities at all steps, which the model's
/// configuration names.
package struct ClipSummary: Sendable {
    private let statistics: [SummaryStatistic]
    private var largest: [Float]
    /// Smallest probabilities since the stream settled; until then the newest ones.
    private var least: [Float]
    private var isSettled = false
    private var sums: [Double]
    private var count = 0

    /// Seconds at the beginning of a stream in which a model, having heard next to nothing, does not know silence yet.
    private static let settlingTime = 1.0

    package init(_ model: ModelConfiguration) {
        statistics = model.labels.map { label in
            model.summary[label] ?? (model.background.contains(label) ? .mean : .largest)
        }
        largest = [Float](repeating: 0, count: model.labels.count)
        least = [Float](repeating: 1, count: model.labels.count)
        sums = [Double](repeating: 0, count: model.labels.count)
    }

    /// Adds a prediction.
    package mutating func update(_ prediction: Prediction) {
        count += 1
        for label in largest.indices {
            let probability = prediction.probabilities[label]
            largest[label] = max(largest[label], probability)
            least[label] = isSettled ? min(least[label], probability) : probability
            sums[label] += Double(probability)
        }
        isSettled = isSettled || prediction.time > Self.settlingTime
    }

    /// A score for each label, or none if there was no prediction.
    package var scores: [Float] {
        guard count > 0 else { return [] }
        return statistics.indices.map { label in
            switch statistics[label] {
            case .largest: largest[label]
            case .mean: Float(sums[label] / Double(count))
            case .least: least[label]
            }
        }
    }
}
