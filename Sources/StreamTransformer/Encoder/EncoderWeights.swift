internal import Glibc
internal import Kernels

/// The constants of one encoder layer, in the form that a step needs. A class, so that a step retains one object
/// instead of all its parts.
final class LayerWeights: Sendable {
    /// LN_a, before attention in a pre-norm model, after its residual in a post-norm one.
    let attentionNorm: LayerNorm
    /// D -> q, k and v; or, with fixed landmarks, D -> beta's logits, Delta's logits and v, with W_q folded into Kt and
    /// W_k into Qt (docs/numerics.md, section 3). With landmarks, logits are (m, heads), v and context (headWidth,
    /// heads).
    let projection: PackedMatrix
    /// D -> q or beta's logits, if only the newest of a window's rows needs them: ``projection`` is then without them.
    let query: PackedMatrix?
    /// Z of each head (m, m, heads); empty unless landmarks are fixed.
    let inverse: ConstantVector
    let output: PackedMatrix  // D -> D
    let feedForwardNorm: LayerNorm
    let expand: PackedMatrix  // D -> F
    let contract: PackedMatrix  // F -> D

    /// P, the floats of a row of projections.
    var projectionWidth: Int { projection.outputs + (query?.outputs ?? 0) }

    struct LayerNorm: Sendable {
        let weight: ConstantVector
        let bias: ConstantVector

        init(_ prefix: String, width: Int, from tensors: inout TensorReader) throws(ModelError) {
            weight = ConstantVector(try tensors.take("\(prefix).weight", width))
            bias = ConstantVector(try tensors.take("\(prefix).bias", width))
        }
    }

    init(_ index: Int, _ encoder: EncoderConfiguration, from tensors: inout TensorReader) throws(ModelError) {
        let prefix = "encoder.layers.\(index)"
        let (width, hidden) = (encoder.width, encoder.feedForward)
        attentionNorm = try LayerNorm("\(prefix).norm_attention", width: width, from: &tensors)
        feedForwardNorm = try LayerNorm("\(prefix).norm_feed_forward", width: width, from: &tensors)
        let query = try AffineRows("\(prefix).attention.query", width, width, from: &tensors)
        let key = try AffineRows("\(prefix).attention.key", width, width, from: &tensors)
        let value = try AffineRows("\(prefix).attention.value", width, width, from: &tensors)
        // Both q and k include the factor d^(-1/4) (docs/numerics.md, section 1).
        let scale = pow(Double(encoder.headWidth), -0.25)
        let projections: [AffineRows]
        if encoder.attention.hasFixedLandmarks, let landmarks = encoder.attention.landmarks,
            let kind = encoder.attention.inverse
        {
            let (heads, d) = (encoder.heads, encoder.headWidth)
            let landmarkPrefix = "\(prefix).attention.landmarks"
            let queries = try tensors.take("\(landmarkPrefix).query", heads, landmarks, d).map(Double.init)
            let keys = try tensors.take("\(landmarkPrefix).key", heads, landmarks, d).map(Double.init)
            projections = [
                query.scaled(scale).folded(keys, heads: heads),
                key.scaled(scale).folded(queries, heads: heads),
                value.outputsByElement(heads: heads),
            ]
            // Z exists and is finite: the configuration bounds lambda from below, and Gamma's rows sum to one.
            let values = (0..<heads).map { head in
                let part = head * landmarks * d..<(head + 1) * landmarks * d
                return LandmarkInverse(
                    queries: Array(queries[part]), keys: Array(keys[part]), landmarks: landmarks, kind: kind
                ).values.map(Float.init)
            }
            inverse = ConstantVector((0..<landmarks * landmarks).flatMap { element in values.map { $0[element] } })
        } else {
            let ordered = encoder.attention.landmarks == nil ? value : value.outputsByElement(heads: encoder.heads)
            projections = [query.scaled(scale), key.scaled(scale), ordered]
            inverse = ConstantVector([])
        }
        if encoder.newestProjectionWidth(encoder.layerFlows[index]) > 0 {
            self.query = projections[0].packed
            projection = AffineRows.stack(Array(projections.dropFirst()))
        } else {
            self.query = nil
            projection = AffineRows.stack(projections)
        }
        let output = try AffineRows("\(prefix).attention.output", width, width, from: &tensors)
        self.output =
            (encoder.attention.landmarks == nil ? output : output.inputsByElement(heads: encoder.heads)).packed
        expand = try AffineRows("\(prefix).feed_forward.in", hidden, width, from: &tensors).packed
        contract = try AffineRows("\(prefix).feed_forward.out", width, hidden, from: &tensors).packed
    }
}

/// The rows and the bias of an affine map in float64, before they are folded and packed.
struct AffineRows {
    let inputs: Int
    /// The precision of the packed matrix.
    private let precision: WeightPrecision
    var weights: [Double]  // (outputs, inputs)
    var bias: [Double]

    init(_ prefix: String, _ outputs: Int, _ inputs: Int, from tensors: inout TensorReader) throws(ModelError) {
        self.inputs = inputs
        precision = tensors.precision
        weights = try tensors.take("\(prefix).weight", outputs, inputs).map(Double.init)
        bias = try tensors.take("\(prefix).bias", outputs).map(Double.init)
    }

    func scaled(_ factor: Double) -> AffineRows {
        var result = self
        for index in weights.indices { result.weights[index] *= factor }
        for index in bias.indices { result.bias[index] *= factor }
        return result
    }

    /// Returns the map with its outputs (heads, d) in the order (d, heads), which the kernels of landmarks use.
    func outputsByElement(heads: Int) -> AffineRows {
        var result = self
        let d = bias.count / heads
        for (target, source) in Self.byElement(heads: heads, d).enumerated() {
            let row = source * inputs..<(source + 1) * inputs
            result.weights.replaceSubrange(target * inputs..<(target + 1) * inputs, with: weights[row])
            result.bias[target] = bias[source]
        }
        return result
    }

    /// Returns the map with its inputs (heads, d) in the order (d, heads).
    func inputsByElement(heads: Int) -> AffineRows {
        var result = self
        let order = Self.byElement(heads: heads, inputs / heads)
        for row in bias.indices {
            for (target, source) in order.enumerated() {
                result.weights[row * inputs + target] = weights[row * inputs + source]
            }
        }
        return result
    }

    /// Returns for every index of the order (d, heads) that of (heads, d).
    private static func byElement(heads: Int, _ d: Int) -> [Int] {
        (0..<d).flatMap { element in (0..<heads).map { $0 * d + element } }
    }

    /// Returns the map to the products of this map's output with `landmarks` (heads, m, d): a row for every landmark
    /// and head.
    func folded(_ landmarks: [Double], heads: Int) -> AffineRows {
        let d = bias.count / heads
        let count = landmarks.count / (heads * d)
        var result = self
        result.weights = [Double](repeating: 0, count: heads * count * inputs)
        result.bias = [Double](repeating: 0, count: heads * count)
        for head in 0..<heads {
            for landmark in 0..<count {
                let row = landmark * heads + head
                for element in 0..<d {
                    let factor = landmarks[(head * count + landmark) * d + element]
                    let source = head * d + element
                    for input in 0..<inputs {
                        result.weights[row * inputs + input] += factor * weights[source * inputs + input]
                    }
                    result.bias[row] += factor * bias[source]
                }
            }
        }
        return result
    }

    static func stack(_ parts: [AffineRows]) -> PackedMatrix {
        var whole = parts[0]
        for part in parts.dropFirst() {
            whole.weights += part.weights
            whole.bias += part.bias
        }
        return whole.packed
    }

    var packed: PackedMatrix {
        PackedMatrix(
            rows: weights.map(Float.init), bias: bias.map(Float.init), inputs: inputs, outputs: bias.count,
            precision: precision)
    }
}
