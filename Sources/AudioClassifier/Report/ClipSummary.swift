package import StreamTransformer

/// Scores of a whole recording: for each label one statistic of its probabilities at the steps that count, which the
/// model's configuration names.
///
/// A model that has heard next to nothing does not know a sound yet. The steps up to the time that the model's
/// configuration names count only if no later one follows.
package struct ClipSummary: Sendable {
    private let statistics: [SummaryStatistic]
    /// Seconds from the beginning of the stream after which steps count.
    private let start: Double
    private var largest: [Float]
    /// Smallest probabilities since the start; until then the newest ones.
    private var least: [Float]
    private var sums: [Double]
    private var count = 0
    private var isStarted: Bool

    package init(_ model: ModelConfiguration) {
        statistics = model.labels.map { label in
            model.summary[label] ?? (model.background.contains(label) ? .mean : .largest)
        }
        start = Double(model.summaryStart) / 1000
        isStarted = model.summaryStart == 0
        largest = [Float](repeating: 0, count: model.labels.count)
        least = largest
        sums = [Double](repeating: 0, count: model.labels.count)
    }

    /// Adds a prediction.
    package mutating func update(_ prediction: Prediction) {
        if !isStarted && prediction.time > start {
            isStarted = true
            count = 0
        }
        let isFirst = count == 0
        count += 1
        for label in largest.indices {
            let probability = prediction.probabilities[label]
            largest[label] = isFirst ? probability : max(largest[label], probability)
            least[label] = isFirst || !isStarted ? probability : min(least[label], probability)
            sums[label] = (isFirst ? 0 : sums[label]) + Double(probability)
        }
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
