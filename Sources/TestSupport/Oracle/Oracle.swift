internal import Glibc
package import StreamTransformer

/// The reference implementation of `docs/model-format.md` in float64: every formula as it is written there, over whole
/// sequences, with nothing folded, carried over or shared with the streaming code that it is the measure of.
///
/// Attention is that of "Continual Low-Rank Scaled Dot-product Attention" (Carreto Picon et al., arXiv 2412.03214), every
/// layer with a window of its own inputs.
package struct Oracle: Sendable {
    let configuration: ModelConfiguration
    let tensors: OracleTensors

    /// What a sequence of frames gives: a row for every token.
    package struct Output: Sendable {
        /// The stem's tokens, before the position is added.
        package let tokens: [[Double]]
        /// What the head reads.
        package let contexts: [[Double]]
        package let logits: [[Double]]
    }

    package init(configuration: ModelConfiguration, tensors: [String: Safetensors.Tensor]) {
        self.configuration = configuration
        self.tensors = OracleTensors(tensors)
    }

    /// - Parameter frames: each with `inputWidth` features, before normalisation, from the stream's beginning.
    package func run(_ frames: [[Float]]) throws -> Output {
        let encoder = configuration.encoder
        let tokens = try OracleStem(configuration, tensors).tokens(frames.map { $0.map(Double.init) })
        var x = tokens
        if case .recycling(let period) = encoder.position {
            let position = try tensors.matrix("encoder.position")
            for t in x.indices { x[t] = sum(x[t], position[t % period]) }
        }
        for layer in 0..<encoder.layers { x = try self.layer(layer, x) }
        if encoder.norm == .pre {
            let norm = try OracleLayerNorm("encoder.norm", tensors)
            x = x.map(norm.callAsFunction)
        }
        let head = try OracleAffine("head", tensors)
        return Output(tokens: tokens, contexts: x, logits: x.map(head.callAsFunction))
    }

    /// One encoder layer over the whole sequence:
    ///
    ///     pre:   x <- x + A(LN_a(x));  x <- x + FF(LN_f(x))
    ///     post:  x <- LN_a(x + A(x));  x <- LN_f(x + FF(x))
    private func layer(_ index: Int, _ x: [[Double]]) throws -> [[Double]] {
        let prefix = "encoder.layers.\(index)"
        let attention = try OracleAttention("\(prefix).attention", configuration.encoder, tensors)
        let attentionNorm = try OracleLayerNorm("\(prefix).norm_attention", tensors)
        let feedForwardNorm = try OracleLayerNorm("\(prefix).norm_feed_forward", tensors)
        let expand = try OracleAffine("\(prefix).feed_forward.in", tensors)
        let contract = try OracleAffine("\(prefix).feed_forward.out", tensors)
        let activation = configuration.encoder.activation
        func feedForward(_ x: [Double]) -> [Double] {
            contract(expand(x).map { activation == .relu ? max($0, 0) : gelu($0) })
        }
        switch configuration.encoder.norm {
        case .pre:
            let attended = zip(x, attention(x.map(attentionNorm.callAsFunction))).map(sum)
            return attended.map { sum($0, feedForward(feedForwardNorm($0))) }
        case .post:
            let attended = zip(x, attention(x)).map { attentionNorm(sum($0, $1)) }
            return attended.map { feedForwardNorm(sum($0, feedForward($0))) }
        }
    }

    /// The Gaussian error linear unit as defined, with erf (Hendrycks and Gimpel, arXiv 1606.08415).
    private func gelu(_ x: Double) -> Double { x / 2 * (1 + erf(x / 2.0.squareRoot())) }
}

/// y = W x + b
struct OracleAffine {
    let weight: [[Double]]
    let bias: [Double]

    init(_ prefix: String, _ tensors: OracleTensors) throws {
        weight = try tensors.matrix("\(prefix).weight")
        bias = try tensors.vector("\(prefix).bias")
    }

    func callAsFunction(_ x: [Double]) -> [Double] { zip(weight, bias).map { dot($0, x) + $1 } }
}

/// (x - mean) / sqrt(variance + 1e-5) * weight + bias (Ba, Kiros and Hinton, arXiv 1607.06450)
struct OracleLayerNorm {
    let weight: [Double]
    let bias: [Double]

    init(_ prefix: String, _ tensors: OracleTensors) throws {
        weight = try tensors.vector("\(prefix).weight")
        bias = try tensors.vector("\(prefix).bias")
    }

    func callAsFunction(_ x: [Double]) -> [Double] {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        return x.indices.map { (x[$0] - mean) / (variance + 1e-5).squareRoot() * weight[$0] + bias[$0] }
    }
}

func sum(_ a: [Double], _ b: [Double]) -> [Double] { a.indices.map { a[$0] + b[$0] } }

func dot(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count, "vectors of a product have the same length")
    var sum = 0.0
    for index in a.indices { sum += a[index] * b[index] }
    return sum
}
