/// Probabilities beside the share of them that were right, in bins, and the expected calibration error (M. Naeini, G.
/// Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015).
package struct Reliability: Sendable, Equatable {
    /// Probabilities above a lower bound and at most an upper bound.
    package struct Bin: Sendable, Equatable {
        package let low: Double
        package let high: Double
        package fileprivate(set) var count = 0
        package fileprivate(set) var right = 0
        fileprivate var sum = 0.0

        /// The mean probability; nil for an empty bin.
        package var confidence: Double? { count == 0 ? nil : sum / Double(count) }
        /// The right share; nil for an empty bin.
        package var accuracy: Double? { count == 0 ? nil : Double(right) / Double(count) }
    }

    package private(set) var bins: [Bin]

    package init(bins count: Int = 10) {
        bins = (0..<count).map { Bin(low: Double($0) / Double(count), high: Double($0 + 1) / Double(count)) }
    }

    /// Adds a probability from 0 to 1 and whether what it was about is right.
    package mutating func add(_ probability: Float, isRight: Bool) {
        let value = min(1, max(0, Double(probability)))
        let index = bins.firstIndex { value <= $0.high } ?? bins.count - 1
        bins[index].count += 1
        bins[index].sum += value
        if isRight { bins[index].right += 1 }
    }

    package var count: Int { bins.reduce(0) { $0 + $1.count } }

    /// The mean difference between probability and right share, weighted by the bins' counts; nil without values.
    package var expectedError: Double? {
        guard count > 0 else { return nil }
        return bins.reduce(0) { $0 + abs(Double($1.right) - $1.sum) } / Double(count)
    }
}
