internal import Kernels

/// The memory of attention, by its kind, for all layers.
enum AttentionMemory: ~Copyable, BufferList {
    case ring(SoftmaxRing)
    case sums(SlidingSums)
    case movingSums(MovingLandmarkSums)
    /// Scratch only: every window is recomputed.
    case window(WindowAttention)
    case retroactiveSoftmax(RetroactivePair<RetroactiveSoftmax>)
    case retroactiveSums(RetroactivePair<RetroactiveNystrom<SlidingSums>>)
    case retroactiveMovingSums(RetroactivePair<RetroactiveNystrom<MovingLandmarkSums>>)

    init(_ encoder: EncoderConfiguration) {
        let (layers, window, isPair) = (encoder.layers, encoder.window, encoder.layerFlows.first == .retroactive)
        let shape = SumsShape(
            heads: encoder.heads, landmarks: encoder.attention.landmarks ?? 0, width: encoder.headWidth)
        switch encoder.attention {
        case .full: self = .window(WindowAttention(.softmax, shape: shape, window: window))
        case .nystromformer(_, let inverse):
            self = .window(WindowAttention(.windowSegments(inverse), shape: shape, window: window))
        case .continual where isPair:
            self = .retroactiveSoftmax(
                RetroactivePair(
                    RetroactiveSoftmax(heads: shape.heads, headWidth: shape.width, window: window),
                    WindowAttention(.softmax, shape: shape, window: window)))
        case .continual:
            self = .ring(
                SoftmaxRing(layers: layers, heads: shape.heads, headWidth: shape.width, window: window))
        case .continualNystrom(_, .fixed, _):
            let sums = SlidingSums(layers: isPair ? 1 : layers, shape: shape, window: window)
            guard isPair else {
                self = .sums(sums)
                return
            }
            self = .retroactiveSums(
                RetroactivePair(
                    RetroactiveNystrom(sums, window: window),
                    WindowAttention(.fixedLandmarks, shape: shape, window: window)))
        case .continualNystrom(_, .continual, let inverse):
            let sums = MovingLandmarkSums(layers: isPair ? 1 : layers, shape: shape, window: window, inverse: inverse)
            guard isPair else {
                self = .movingSums(sums)
                return
            }
            self = .retroactiveMovingSums(
                RetroactivePair(
                    RetroactiveNystrom(sums, window: window),
                    WindowAttention(.streamSegments(inverse), shape: shape, window: window)))
        }
    }

    /// Adds the projections of a layer's rows, and attends.
    /// - Parameters:
    ///   - projected: projections from row `row` on: of one token, or of all `rows` of its window, the newest last.
    ///   - context: results from row `row` on: of one token, or of all rows of its window, by the layer's flow.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, row: Int, rows: Int, _ weights: LayerWeights, layer: Int,
        position: Int64, kernels: Kernels, into context: inout AlignedBuffer
    ) {
        let (first, target) = (row * weights.projectionWidth, row * weights.output.outputs)
        let inverse = weights.inverse
        switch consume self {
        case .ring(var ring):
            ring.attend(
                projected, from: first, layer: layer, position: position, kernels: kernels, into: &context, at: target)
            self = .ring(ring)
        case .sums(var sums):
            sums.attend(
                projected, from: first, inverse: inverse.values, layer: layer, position: position, kernels: kernels,
                into: &context, at: target)
            self = .sums(sums)
        case .movingSums(var sums):
            sums.attend(
                projected, from: first, layer: layer, position: position, kernels: kernels, into: &context, at: target)
            self = .movingSums(sums)
        case .window(var window):
            window.attend(
                projected, rows: rows, wanted: rows, inverse: inverse.values, position: position, kernels: kernels,
                into: &context)
            self = .window(window)
        case .retroactiveSoftmax(var pair):
            pair.attend(
                projected, rows: rows, inverse: inverse.values, layer: layer, position: position, kernels: kernels,
                into: &context)
            self = .retroactiveSoftmax(pair)
        case .retroactiveSums(var pair):
            pair.attend(
                projected, rows: rows, inverse: inverse.values, layer: layer, position: position, kernels: kernels,
                into: &context)
            self = .retroactiveSums(pair)
        case .retroactiveMovingSums(var pair):
            pair.attend(
                projected, rows: rows, inverse: inverse.values, layer: layer, position: position, kernels: kernels,
                into: &context)
            self = .retroactiveMovingSums(pair)
        }
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        switch self {
        case .ring(let memory): try memory.visit(&visitor)
        case .sums(let memory): try memory.visit(&visitor)
        case .movingSums(let memory): try memory.visit(&visitor)
        case .window(let memory): try memory.visit(&visitor)
        case .retroactiveSoftmax(let memory): try memory.visit(&visitor)
        case .retroactiveSums(let memory): try memory.visit(&visitor)
        case .retroactiveMovingSums(let memory): try memory.visit(&visitor)
        }
    }
}
