/// What a whole recording contains: for each label the largest probability at any step; for background labels (silence, unknown)
/// the mean, since they are what is there when nothing else is.
public struct ClipSummary: Sendable {
    private var largest: [Float]
    private var sums: [Double]
    private var count = 0

    public init(labels: Int) {
        largest = [Float](repeating: 0, count: labels)
        sums = [Double](repeating: 0, count: labels)
    }

    public mutating func update(_ prediction: borrowing Prediction) {
        count += 1
        for label in largest.indices {
            largest[label] = max(largest[label], prediction.probabilities[label])
            sums[label] += Double(prediction.probabilities[label])
        }
    }

    /// A score for each label; empty where there was no prediction.
    public func scores(isBackground: (Int) -> Bool) -> [Float] {
        guard count > 0 else { return [] }
        return largest.indices.map { isBackground($0) ? Float(sums[$0] / Double(count)) : largest[$0] }
    }
}
