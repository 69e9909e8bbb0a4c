internal import Kernels

/// The last tokens of the layers that go from the newest token to all tokens of the window.
struct TokenHistory: ~Copyable, BufferList {
    let window: Int
    let width: Int
    private var tokens: AlignedBuffer  // (layers, window, D)

    init(layers: Int, window: Int, width: Int) {
        self.window = window
        self.width = width
        tokens = AlignedBuffer(count: layers * window * width)
    }

    /// Stores the first of `rows` as token `position` of a layer, and fills `rows` with the tokens of its window,
    /// oldest first.
    /// - Returns: the number of these tokens.
    mutating func unroll(_ rows: inout AlignedBuffer, layer: Int, position: Int64) -> Int {
        let filled = Int(min(position + 1, Int64(window)))
        let newest = Int(position % Int64(window))
        let start = layer * window
        tokens.copy(rows, from: 0, count: width, to: (start + newest) * width)
        // Two parts of the ring: from after the newest token to the end, and from the beginning to the newest token.
        let older = filled - newest - 1
        rows.copy(tokens, from: (start + window - older) * width, count: older * width, to: 0)
        rows.copy(tokens, from: start * width, count: (newest + 1) * width, to: older * width)
        return filled
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(tokens)
    }
}
