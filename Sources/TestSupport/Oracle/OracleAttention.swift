internal import Glibc
internal import StreamTransformer

/// Attention over the last n tokens, the whole window anew for every token (`docs/model-format.md`, "encoder").
///
/// `continual` is single-output scaled dot-product attention (Continual Transformers, arXiv 2201.06268): a row of
/// softmax(Q K') V. `continual-nystrom` replaces the row by the product of three small matrices (arXiv 2412.03214):
///
///     softmax(q_t Kt') Z softmax(Qt K') V,  Z close to the inverse of Gamma = softmax(Qt Kt')
///
/// every softmax over rows, Qt and Kt being the landmarks. Scaling by 1/sqrt(d) is shared by the factors.
struct OracleAttention {
    private let encoder: EncoderConfiguration
    private let query: OracleAffine
    private let key: OracleAffine
    private let value: OracleAffine
    private let output: OracleAffine
    /// None for softmax attention.
    private var landmarks: [HeadLandmarks] = []

    private struct HeadLandmarks {
        let queries: [[Double]]
        let keys: [[Double]]
        let inverse: [[Double]]
    }

    init(_ prefix: String, _ encoder: EncoderConfiguration, _ tensors: OracleTensors) throws {
        self.encoder = encoder
        query = try OracleAffine("\(prefix).query", tensors)
        key = try OracleAffine("\(prefix).key", tensors)
        value = try OracleAffine("\(prefix).value", tensors)
        output = try OracleAffine("\(prefix).output", tensors)
        if case .continualNystrom(_, let kind) = encoder.attention {
            let queries = try tensors.matrices("\(prefix).landmarks.query")
            let keys = try tensors.matrices("\(prefix).landmarks.key")
            landmarks = zip(queries, keys).map { queries, keys in
                let gamma = queries.map { query in softmax(keys.map { dot(query, $0) }) }
                return HeadLandmarks(queries: queries, keys: keys, inverse: OracleInverse.of(gamma, kind))
            }
        }
    }

    /// A(x) for every token of a sequence.
    func callAsFunction(_ x: [[Double]]) -> [[Double]] {
        let scale = pow(Double(encoder.headWidth), -0.25)
        let queries = x.map { query($0).map { $0 * scale } }
        let keys = x.map { key($0).map { $0 * scale } }
        let values = x.map(value.callAsFunction)
        return x.indices.map { t in
            let window = max(0, t - encoder.window + 1)...t
            return output(
                (0..<encoder.heads).flatMap { head in
                    attend(
                        queries[t].head(head, encoder), keys[window].map { $0.head(head, encoder) },
                        values[window].map { $0.head(head, encoder) }, head)
                })
        }
    }

    /// o_t of one head.
    private func attend(_ query: [Double], _ keys: [[Double]], _ values: [[Double]], _ head: Int) -> [Double] {
        guard !landmarks.isEmpty else { return average(values, softmax(keys.map { dot(query, $0) })) }
        let head = landmarks[head]
        let delta = head.queries.map { landmark in average(values, softmax(keys.map { dot(landmark, $0) })) }
        let beta = softmax(head.keys.map { dot(query, $0) })
        return average(delta, average(head.inverse, beta))
    }

    /// weights' rows
    private func average(_ rows: [[Double]], _ weights: [Double]) -> [Double] {
        var sum = [Double](repeating: 0, count: rows.first?.count ?? 0)
        for (row, weight) in zip(rows, weights) {
            for index in row.indices { sum[index] += weight * row[index] }
        }
        return sum
    }
}

package func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let exponentials = logits.map { exp($0 - largest) }
    let total = exponentials.reduce(0, +)
    return exponentials.map { $0 / total }
}

extension [Double] {
    /// The elements h * d to h * d + d - 1.
    fileprivate func head(_ head: Int, _ encoder: EncoderConfiguration) -> [Double] {
        Array(self[head * encoder.headWidth..<(head + 1) * encoder.headWidth])
    }
}
