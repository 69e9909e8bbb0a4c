package import StreamTransformer

/// The reference implementation of `docs/model-format.md` in float64: every formula as written there, over whole
/// sequences, without folding or state, and without code of the streaming implementation.
///
/// The attention systems are those of "Continual Low-Rank Scaled Dot-product Attention" (Carreto Picon et al., arXiv
/// 2412.03214). The window is recomputed for every token.
package struct Oracle: Sendable {
    let configuration: ModelConfiguration
    let tensors: OracleTensors

    /// The results of a sequence of frames, a row for every token.
    package struct Output: Sendable {
        /// The stem's tokens, before the position is added.
        package let tokens: [[Double]]
        /// The input of the head.
        package let contexts: [[Double]]
        package let logits: [[Double]]
    }

    package init(configuration: ModelConfiguration, tensors: [String: Safetensors.Tensor]) {
        self.configuration = configuration
        self.tensors = OracleTensors(tensors)
    }

    /// - Parameter frames: frames of `inputWidth` features before normalisation, from the beginning of the stream.
    package func run(_ frames: [[Float]]) throws -> Output {
        let encoder = configuration.encoder
        let tokens = try OracleStem(configuration, tensors).tokens(frames.map { $0.map(Double.init) })
        var x = tokens
        if case .recycling(let period) = encoder.position {
            let position = try tensors.matrix("encoder.position")
            for t in x.indices { x[t] = sum(x[t], position[t % period]) }
        }
        var layers = try (0..<encoder.layers).map { try OracleLayer($0, encoder, tensors) }
        switch encoder.depth {
        case .stream:
            for index in layers.indices { x = layers[index].sequence(x) }
        case .window:
            let sequence = x
            x = sequence.indices.map { t in
                var rows = Array(sequence[max(0, t - encoder.window + 1)...t])
                for index in layers.indices { rows = layers[index].window(rows, of: t) }
                return rows[rows.count - 1]
            }
        }
        if encoder.norm == .pre {
            let norm = try OracleLayerNorm("encoder.norm", tensors)
            x = x.map(norm.callAsFunction)
        }
        let contexts = x
        x = contexts.indices.map { t in
            let newest = contexts[max(0, t - configuration.pooledContexts + 1)...t]
            return newest.reduce([Double](repeating: 0, count: encoder.width), sum).map { $0 / Double(newest.count) }
        }
        let head = try OracleAffine("head", tensors)
        return Output(tokens: tokens, contexts: x, logits: x.map(head.callAsFunction))
    }

    /// Returns A(x) of every token of a sequence, each of which attends to the window that it ends.
    package static func attend(
        _ prefix: String, _ encoder: EncoderConfiguration, _ tensors: [String: Safetensors.Tensor], _ x: [[Double]]
    ) throws -> [[Double]] {
        let tensors = OracleTensors(tensors)
        let attention = try OracleAttention(prefix, encoder, tensors)
        var history = try OracleLandmarkHistory(prefix, encoder, tensors)
        return attention.sequence(x, &history)
    }
}

/// Returns W x + b.
struct OracleAffine {
    let weight: [[Double]]
    let bias: [Double]

    init(_ prefix: String, _ tensors: OracleTensors) throws {
        weight = try tensors.matrix("\(prefix).weight")
        bias = try tensors.vector("\(prefix).bias")
    }

    func callAsFunction(_ x: [Double]) -> [Double] { zip(weight, bias).map { dot($0, x) + $1 } }
}

/// Returns (x - mean) / sqrt(variance + 1e-5) * weight + bias (Ba, Kiros and Hinton, arXiv 1607.06450)
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
