internal import Kernels

/// The memory of softmax attention: the keys and values of the last `window` tokens, for every layer (Continual
/// Transformers, arXiv 2201.06268, single output).
struct SoftmaxRing: ~Copyable, BufferList {
    let layers: Int
    let heads: Int
    let headWidth: Int
    let window: Int
    private var keys: AlignedBuffer  // (layers, heads, headWidth, window): scores run along the window
    private var values: AlignedBuffer  // (layers, heads, window, headWidth)
    private var scores: AlignedBuffer  // scratch (window)

    init(layers: Int, heads: Int, headWidth: Int, window: Int) {
        self.layers = layers
        self.heads = heads
        self.headWidth = headWidth
        self.window = window
        keys = AlignedBuffer(count: layers * heads * headWidth * window)
        values = AlignedBuffer(count: layers * heads * headWidth * window)
        scores = AlignedBuffer(count: Kernels.padded(window))
    }

    /// Adds token `position` to one layer and attends from it.
    /// - Parameter projected: q, k and v of the token, 3 x heads x headWidth, from `first` on.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, from first: Int, layer: Int, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer, at target: Int
    ) {
        let width = heads * headWidth
        let slot = Int(position % Int64(window))
        let start = layer * width * window
        for element in 0..<width { keys[start + element * window + slot] = projected[first + width + element] }
        for head in 0..<heads {
            values.copy(
                projected, from: first + 2 * width + head * headWidth, count: headWidth,
                to: start + (head * window + slot) * headWidth)
        }
        let filled = Int(min(position + 1, Int64(window)))
        kernels.ringAttend(
            projected, from: first, keys: keys, values: values, at: start, heads: heads, width: headWidth,
            capacity: window, filled: filled, scores: &scores, into: &context, at: target)
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(keys)
        try visitor.visit(values)
        try visitor.visit(scores, .scratch)
    }
}
