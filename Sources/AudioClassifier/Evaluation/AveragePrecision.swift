/// The average precision of a ranking.
package enum AveragePrecision {
    /// Returns the sum, over the thresholds, of the precision at a threshold times the growth of the recall since the
    /// threshold before. Equal scores are above the same thresholds.
    /// - Returns: nil if nothing is positive.
    package static func value(_ scores: [Float], isPositive: [Bool]) -> Double? {
        let positives = isPositive.count { $0 }
        guard positives > 0 else { return nil }
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        var (right, sum) = (0, 0.0)
        var index = 0
        while index < order.count {
            let score = scores[order[index]]
            let before = right
            while index < order.count, scores[order[index]] == score {
                if isPositive[order[index]] { right += 1 }
                index += 1
            }
            sum += Double(right - before) * Double(right) / Double(index)
        }
        return sum / Double(positives)
    }
}
