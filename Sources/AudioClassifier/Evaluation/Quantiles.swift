/// The distribution of durations.
package struct Quantiles: Sendable, Equatable {
    private let values: [Double]

    package init(_ values: [Double]) { self.values = values.sorted() }

    package var count: Int { values.count }
    /// The mean; nil without values.
    package var mean: Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }

    /// Returns the value below which a share of the values lies, interpolated linearly; nil without values.
    package func quantile(_ share: Double) -> Double? {
        guard let last = values.indices.last else { return nil }
        let place = min(1, max(0, share)) * Double(last)
        // Invariant: the place is in 0 ... last.
        let index = Int(place.rounded(.down))
        let next = min(index + 1, last)
        return values[index] + (place - Double(index)) * (values[next] - values[index])
    }
}
