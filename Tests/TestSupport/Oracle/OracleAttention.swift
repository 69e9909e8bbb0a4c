internal import Glibc
internal import StreamTransformer

/// The formulas of attention over a window of tokens, recomputed for every row (`docs/model-format.md`, "encoder").
///
/// K and V are the window's keys and values, one a row; every softmax is over rows; the factors of a product share
/// 1/sqrt(d):
///
///     softmax attention (Vaswani et al., arXiv 1706.03762, equation 1)      o_j = softmax(q_j K') V
///     Nystrom attention (Nystromformer, arXiv 2102.03902, section 3.2;
///     Continual Low-Rank Scaled Dot-product Attention, arXiv 2412.03214)    o_j = softmax(q_j Kt') Z softmax(Qt K') V
///
/// with landmarks Qt and Kt, and Z close to the inverse of Gamma = softmax(Qt Kt').
struct OracleAttention {
    private let encoder: EncoderConfiguration
    private let query: OracleAffine
    private let key: OracleAffine
    private let value: OracleAffine
    private let output: OracleAffine

    /// q, k and v of the tokens of a window; each is indexed by head and token.
    struct Projections {
        var queries: [[[Double]]]
        var keys: [[[Double]]]
        var values: [[[Double]]]

        var count: Int { queries.first?.count ?? 0 }

        /// The tokens of a part of the window.
        func part(_ range: ClosedRange<Int>) -> Projections {
            func part(_ heads: [[[Double]]]) -> [[[Double]]] { heads.map { Array($0[range]) } }
            return Projections(queries: part(queries), keys: part(keys), values: part(values))
        }
    }

    init(_ prefix: String, _ encoder: EncoderConfiguration, _ tensors: OracleTensors) throws {
        self.encoder = encoder
        query = try OracleAffine("\(prefix).query", tensors)
        key = try OracleAffine("\(prefix).key", tensors)
        value = try OracleAffine("\(prefix).value", tensors)
        output = try OracleAffine("\(prefix).output", tensors)
    }

    /// Returns q = (W_q x + b_q) / d^(1/4), k likewise, and v = W_v x + b_v of every token.
    func project(_ x: [[Double]]) -> Projections {
        let scale = pow(Double(encoder.headWidth), -0.25)
        return Projections(
            queries: split(x.map { query($0).map { $0 * scale } }),
            keys: split(x.map { key($0).map { $0 * scale } }),
            values: split(x.map(value.callAsFunction)))
    }

    /// Returns A(x) of every token of a sequence, each of which attends to the window that it ends.
    func sequence(_ x: [[Double]], _ history: inout OracleLandmarkHistory) -> [[Double]] {
        let projections = project(x)
        return x.indices.map { t in
            let window = projections.part(max(0, t - encoder.window + 1)...t)
            return attend(from: window.count - 1, window, history.landmarks(of: t, window))
        }
    }

    /// Returns A(x_j) = W_o o_j + b_o of token `row` of the window.
    /// - Parameter landmarks: the landmarks of every head; nil for softmax attention.
    func attend(from row: Int, _ window: Projections, _ landmarks: [OracleLandmarks]?) -> [Double] {
        output(
            (0..<encoder.heads).flatMap { head in
                let (q, keys, values) = (window.queries[head][row], window.keys[head], window.values[head])
                guard let landmarks = landmarks?[head] else { return average(values, softmax(q, keys)) }
                let delta = landmarks.queries.map { average(values, softmax($0, keys)) }
                return average(delta, average(landmarks.inverse, softmax(q, landmarks.keys)))
            })
    }

    /// Tokens by head: head h has the elements h * d to h * d + d - 1.
    private func split(_ tokens: [[Double]]) -> [[[Double]]] {
        let d = encoder.headWidth
        return (0..<encoder.heads).map { head in tokens.map { Array($0[head * d..<(head + 1) * d]) } }
    }
}

/// Returns softmax over j of q . k_j.
func softmax(_ q: [Double], _ keys: [[Double]]) -> [Double] { softmax(keys.map { dot(q, $0) }) }

package func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let exponentials = logits.map { exp($0 - largest) }
    let total = exponentials.reduce(0, +)
    return exponentials.map { $0 / total }
}

/// Returns the product of a row of weights and a matrix.
func average(_ rows: [[Double]], _ weights: [Double]) -> [Double] {
    var sum = [Double](repeating: 0, count: rows.first?.count ?? 0)
    for (row, weight) in zip(rows, weights) {
        for index in row.indices { sum[index] += weight * row[index] }
    }
    return sum
}
