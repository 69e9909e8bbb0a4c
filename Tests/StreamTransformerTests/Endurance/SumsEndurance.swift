internal import Glibc
internal import Kernels
internal import StreamTransformer
internal import TestSupport

/// The sliding sums under many tokens, against their definition in float64 from the same scores and values.
struct SumsEndurance {
    let window: Int
    let signal: EnduranceSignal
    let steps: Int
    static let shape = SumsShape(heads: 2, landmarks: 4, width: 8)

    struct Errors {
        /// The largest error of a row of Delta, relative to the row's norm.
        var delta = 0.0
        /// The largest error of o_t, relative to its norm over the heads.
        var output = 0.0
        var checked = 0
    }

    func run() -> Errors {
        let shape = Self.shape
        var random = SplitMix64(seed: UInt64(window))
        let inverse = Self.inverse(&random)
        let inverseBuffer = AlignedBuffer(inverse)
        // The first gives o_t, the second Delta.
        var attending = SlidingSums(layers: 1, shape: shape, window: window)
        var averaging = SlidingSums(layers: 1, shape: shape, window: window)
        var projected = AlignedBuffer(count: 2 * shape.rows + shape.values)
        var context = AlignedBuffer(count: shape.values)
        var delta = AlignedBuffer(count: shape.means)
        var reference = WindowReference(window: window, shape: shape)
        var (beta, scores) = ([Float](repeating: 0, count: shape.rows), [Float](repeating: 0, count: shape.rows))
        var values = [Float](repeating: 0, count: shape.values)
        var errors = Errors()
        for position in 0..<steps {
            signal.fill(&scores, &values, position: position, window: window, &random)
            for row in beta.indices { beta[row] = Float(2 * random.normal()) }
            projected.copy(beta.span)
            projected.copy(scores.span, to: shape.rows)
            projected.copy(values.span, to: 2 * shape.rows)
            attending.attend(
                projected, inverse: inverseBuffer, layer: 0, position: Int64(position), kernels: .best, into: &context)
            averaging.insert(projected, position: Int64(position), kernels: .best, delta: &delta)
            reference.insert(scores, values, position: position)
            guard isChecked(position) else { continue }
            errors.checked += 1
            let expected = reference.delta(filled: min(position + 1, window))
            for row in 0..<shape.rows {
                let elements = (0..<shape.width).map { $0 * shape.paddedRows + row }
                errors.delta = max(errors.delta, relativeError(delta, elements, expected[row]))
            }
            errors.output = max(
                errors.output,
                relativeError(
                    context, Array(0..<shape.values), reference.output(expected, beta: beta, inverse: inverse)))
        }
        return errors
    }

    /// Selects many of the first and last tokens, every 997th, and runs at intervals of a million. A comparison costs a
    /// whole window.
    private func isChecked(_ position: Int) -> Bool {
        let stride = max(1, window / 60)
        if position < 4 * window || position >= steps - window { return position % stride == 0 }
        return position % 997 == 0 || position % 1_000_000 < 2 * window && position % stride == 0
    }

    /// Returns ridge inverses of random row-stochastic matrices, which amplify errors as a model's do.
    private static func inverse(_ random: inout SplitMix64) -> [Float] {
        let inverses = (0..<shape.heads).map { _ in
            let gamma = (0..<shape.landmarks).map { _ in softmax((0..<shape.landmarks).map { _ in random.normal() }) }
            return OracleInverse.of(gamma, .ridge(lambda: 1e-2)).flatMap { $0 }.map(Float.init)
        }
        return inverses[0].indices.flatMap { element in inverses.map { $0[element] } }
    }
}

/// The window's scores and values, and the definitions of Delta and o_t.
struct WindowReference {
    private let window: Int
    private let shape: SumsShape
    private var scores: [Double]  // (window, rows)
    private var values: [Double]  // (window, values)

    init(window: Int, shape: SumsShape) {
        self.window = window
        self.shape = shape
        scores = [Double](repeating: 0, count: window * shape.rows)
        values = [Double](repeating: 0, count: window * shape.values)
    }

    mutating func insert(_ newScores: [Float], _ newValues: [Float], position: Int) {
        let slot = position % window
        for row in 0..<shape.rows { scores[slot * shape.rows + row] = Double(newScores[row]) }
        for element in 0..<shape.values { values[slot * shape.values + element] = Double(newValues[element]) }
    }

    /// Delta[i] = sum over the window of softmax_j(score_ij) v_j, a row a landmark and head.
    func delta(filled: Int) -> [[Double]] {
        (0..<shape.rows).map { row in
            let head = row % shape.heads
            var top = -Double.infinity
            for slot in 0..<filled { top = max(top, scores[slot * shape.rows + row]) }
            var total = 0.0
            var sum = [Double](repeating: 0, count: shape.width)
            for slot in 0..<filled {
                let weight = exp(scores[slot * shape.rows + row] - top)
                total += weight
                let start = slot * shape.values + head
                for element in 0..<shape.width { sum[element] += weight * values[start + element * shape.heads] }
            }
            return sum.map { $0 / total }
        }
    }

    /// softmax(beta) Z Delta of every head.
    func output(_ delta: [[Double]], beta: [Float], inverse: [Float]) -> [Double] {
        let m = shape.landmarks
        let heads = (0..<shape.heads).map { head in
            let weights = softmax((0..<m).map { Double(beta[$0 * shape.heads + head]) })
            return (0..<shape.width).map { element in
                var sum = 0.0
                for i in 0..<m {
                    for j in 0..<m {
                        sum +=
                            weights[i] * Double(inverse[(i * m + j) * shape.heads + head])
                            * delta[j * shape.heads + head][element]
                    }
                }
                return sum
            }
        }
        return (0..<shape.width).flatMap { element in heads.map { $0[element] } }
    }
}

/// Returns the norm of the difference over the norm of the expected values; infinity if it is not a number.
private func relativeError(_ observed: borrowing AlignedBuffer, _ elements: [Int], _ expected: [Double]) -> Double {
    var (difference, size) = (0.0, 0.0)
    for (element, value) in zip(elements, expected) {
        difference += (Double(observed[element]) - value) * (Double(observed[element]) - value)
        size += value * value
    }
    let ratio = difference == 0 ? 0 : (difference / size).squareRoot()
    return ratio.isNaN ? .infinity : ratio
}
