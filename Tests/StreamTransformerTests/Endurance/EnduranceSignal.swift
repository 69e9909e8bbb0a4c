internal import TestSupport

/// The kinds of streams of docs/numerics.md, section 6.
enum EnduranceSignal: CustomStringConvertible {
    /// Normal scores of this standard deviation.
    case normal(deviation: Double)
    /// Rare tokens whose scores are greater by this exponent.
    case outliers(Double)
    /// Two windows of full-scale noise and two of silence in turn.
    case noiseAndSilence

    static let all: [EnduranceSignal] =
        [0.1, 0.5, 1, 2, 4, 8].map { .normal(deviation: $0) } + [30, 100, 300, -300].map { .outliers($0) }
        + [.noiseAndSilence]

    var description: String {
        switch self {
        case .normal(let deviation): "standard deviation \(deviation)"
        case .outliers(let exponent): "outliers of exponent \(Int(exponent))"
        case .noiseAndSilence: "full-scale noise, silence"
        }
    }

    /// Fills in the scores (one a row) and the values of token `position`.
    func fill(
        _ scores: inout [Float], _ values: inout [Float], position: Int, window: Int, _ random: inout SplitMix64
    ) {
        switch self {
        case .normal(let deviation): Self.normals(&scores, deviation, &random)
        case .outliers(let exponent):
            Self.normals(&scores, 1, &random)
            if position % (window + window / 2 + 3) == window / 2 {
                for row in scores.indices where row % 3 != 1 { scores[row] += Float(exponent) }
            }
        case .noiseAndSilence:
            guard position / (2 * window) % 2 == 0 else {
                for row in scores.indices { scores[row] = Float(row) - 3.3 }
                for element in values.indices { values[element] = 0.1 + 0.7 * Float(element) }
                return
            }
            Self.normals(&scores, 8, &random)
        }
        Self.normals(&values, 1, &random)
    }

    private static func normals(_ values: inout [Float], _ deviation: Double, _ random: inout SplitMix64) {
        for index in values.indices { values[index] = Float(deviation * random.normal()) }
    }
}
