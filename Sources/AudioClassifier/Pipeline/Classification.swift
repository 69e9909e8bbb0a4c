/// A label with its probability.
public struct Classification: Sendable, Hashable {
    /// One of the model's labels.
    public let label: String
    /// From 0 to 1.
    public let probability: Float

    public init(label: String, probability: Float) {
        self.label = label
        self.probability = probability
    }
}

extension [Float] {
    /// Indices of the largest values, the largest first; equal ones in their order.
    package func ranked(_ count: Int, where isIncluded: (Int) -> Bool = { _ in true }) -> [Int] {
        guard count > 0 else { return [] }
        var best: [Int] = []
        for index in indices where isIncluded(index) {
            guard best.count < count || self[index] > self[best[best.count - 1]] else { continue }
            let rank = best.firstIndex { self[index] > self[$0] } ?? best.count
            best.insert(index, at: rank)
            if best.count > count { best.removeLast() }
        }
        return best
    }
}
