internal import Glibc
internal import StreamTransformer

/// One encoder layer, with its current landmarks:
///
///     pre:   x <- x + A(LN_a(x));  x <- x + FF(LN_f(x))
///     post:  x <- LN_a(x + A(x));  x <- LN_f(x + FF(x))
struct OracleLayer {
    private let encoder: EncoderConfiguration
    private let attention: OracleAttention
    private var history: OracleLandmarkHistory
    private let attentionNorm: OracleLayerNorm
    private let feedForwardNorm: OracleLayerNorm
    private let expand: OracleAffine
    private let contract: OracleAffine

    init(_ index: Int, _ encoder: EncoderConfiguration, _ tensors: OracleTensors) throws {
        let prefix = "encoder.layers.\(index)"
        self.encoder = encoder
        attention = try OracleAttention("\(prefix).attention", encoder, tensors)
        history = try OracleLandmarkHistory("\(prefix).attention", encoder, tensors)
        attentionNorm = try OracleLayerNorm("\(prefix).norm_attention", tensors)
        feedForwardNorm = try OracleLayerNorm("\(prefix).norm_feed_forward", tensors)
        expand = try OracleAffine("\(prefix).feed_forward.in", tensors)
        contract = try OracleAffine("\(prefix).feed_forward.out", tensors)
    }

    /// Returns the output for every token of a sequence, with depth `stream`: each attends to the window that it ends.
    mutating func sequence(_ x: [[Double]]) -> [[Double]] {
        zip(x, attention.sequence(normed(x), &history)).map(finish)
    }

    /// Returns all rows of the window that token t ends, with depth `window`.
    mutating func window(_ rows: [[Double]], of t: Int) -> [[Double]] {
        let window = attention.project(normed(rows))
        let landmarks = history.landmarks(of: t, window)
        return rows.indices.map { finish(rows[$0], attention.attend(from: $0, window, landmarks)) }
    }

    /// Returns the input of attention.
    private func normed(_ x: [[Double]]) -> [[Double]] {
        encoder.norm == .pre ? x.map(attentionNorm.callAsFunction) : x
    }

    /// Returns the output of the layer for one token x and its A.
    private func finish(_ x: [Double], _ attended: [Double]) -> [Double] {
        let x = sum(x, attended)
        switch encoder.norm {
        case .pre: return sum(x, feedForward(feedForwardNorm(x)))
        case .post:
            let x = attentionNorm(x)
            return feedForwardNorm(sum(x, feedForward(x)))
        }
    }

    private func feedForward(_ x: [Double]) -> [Double] {
        contract(expand(x).map { encoder.activation == .relu ? max($0, 0) : gelu($0) })
    }

    /// Returns the Gaussian error linear unit by its definition, with erf (Hendrycks and Gimpel, arXiv 1606.08415).
    private func gelu(_ x: Double) -> Double { x / 2 * (1 + erf(x / 2.0.squareRoot())) }
}
