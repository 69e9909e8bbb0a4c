internal import Kernels

/// The memory of retroactive softmax attention: the sums of every row of the window, all of which change when a token
/// arrives (Continual Transformers, arXiv 2201.06268, retroactive attention).
///
/// The token that leaves is subtracted from each row, and the new one is added. A row of which too little is left for
/// that to be exact is recomputed (``SoftmaxRows``), and all rows of a head are when the values that are left are much
/// smaller than one that the sums have held: its rounding errors would stay with them. A row exists for n tokens, so
/// that errors cannot accumulate for longer.
struct RetroactiveSoftmax: ~Copyable, RetroactiveMemory {
    let heads: Int
    let headWidth: Int
    let window: Int
    private var rows: SoftmaxRows
    private var queries: AlignedBuffer  // (heads, headWidth, window)
    private var keys: AlignedBuffer  // (heads, headWidth, window)
    private var values: AlignedBuffer  // (heads, window, headWidth)
    private var sizes: AlignedBuffer  // (heads, window): largest absolute value of a token's elements
    private var largest: AlignedBuffer  // (heads): largest size since all rows of the head were recomputed
    private var leavingKey: AlignedBuffer  // scratch (D)
    private var leavingValue: AlignedBuffer  // scratch (D)
    private var leavingScores: AlignedBuffer  // scratch (heads, window)
    private var arrivingScores: AlignedBuffer  // scratch (heads, window)
    private var query: AlignedBuffer  // scratch (headWidth)

    init(heads: Int, headWidth: Int, window: Int) {
        self.heads = heads
        self.headWidth = headWidth
        self.window = window
        let width = heads * headWidth
        rows = SoftmaxRows(heads: heads, capacity: window, width: headWidth)
        queries = AlignedBuffer(count: width * window)
        keys = AlignedBuffer(count: width * window)
        values = AlignedBuffer(count: width * window)
        sizes = AlignedBuffer(count: heads * window)
        largest = AlignedBuffer(count: heads)
        leavingKey = AlignedBuffer(count: width)
        leavingValue = AlignedBuffer(count: width)
        leavingScores = AlignedBuffer(count: max(heads * window, Kernels.padded(window)))
        arrivingScores = AlignedBuffer(count: heads * window)
        query = AlignedBuffer(count: headWidth)
    }

    mutating func attend(
        _ projected: borrowing AlignedBuffer, inverse: borrowing AlignedBuffer, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer
    ) {
        let width = heads * headWidth
        let slot = Int(position % Int64(window))
        let filled = Int(min(position + 1, Int64(window)))
        let isFull = position >= Int64(window)
        if isFull {
            for head in 0..<heads {
                for element in head * headWidth..<(head + 1) * headWidth {
                    leavingKey[element] = keys[element * window + slot]
                }
                leavingValue.copy(
                    values, from: (head * window + slot) * headWidth, count: headWidth, to: head * headWidth)
            }
            kernels.headScores(
                queries, at: 0, leavingKey, from: 0, heads: heads, width: headWidth, count: window,
                into: &leavingScores)
        }
        for element in 0..<width {
            queries[element * window + slot] = projected[element]
            keys[element * window + slot] = projected[width + element]
        }
        for head in 0..<heads {
            values.copy(
                projected, from: 2 * width + head * headWidth, count: headWidth,
                to: (head * window + slot) * headWidth)
            sizes[head * window + slot] = size(projected, from: 2 * width + head * headWidth)
            largest[head] = max(largest[head], sizes[head * window + slot])
        }
        kernels.headScores(
            queries, at: 0, projected, from: width, heads: heads, width: headWidth, count: window,
            into: &arrivingScores)
        let stale = kernels.exchange(
            leavingScores, arrivingScores, oldValues: leavingValue, newValues: projected, from: 2 * width,
            removing: isFull, in: &rows)
        for head in 0..<heads {
            recompute(row: slot, head: head, filled: filled, kernels: kernels)
            let lostLargest = isFull && forgetsLargest(head: head)
            guard stale > 0 || lostLargest else { continue }
            for row in 0..<filled where row != slot && (lostLargest || rows.needsRecompute(head * window + row)) {
                recompute(row: row, head: head, filled: filled, kernels: kernels)
            }
        }
        for row in 0..<filled {
            let source = Int((position - Int64(filled - 1 - row)) % Int64(window))
            rows.average(row: source, into: &context, at: row * width)
        }
    }

    /// Returns the largest absolute value of a head's elements.
    private func size(_ buffer: borrowing AlignedBuffer, from first: Int) -> Float {
        (first..<first + headWidth).reduce(0) { max($0, abs(buffer[$1])) }
    }

    /// Returns true if all values of the window are far below the largest one that the rows have held, which is then
    /// the largest of the window.
    private mutating func forgetsLargest(head: Int) -> Bool {
        let limit = Self.leastShare * largest[head]
        var remaining: Float = 0
        for row in head * window..<(head + 1) * window {
            remaining = max(remaining, sizes[row])
            if remaining >= limit { return false }
        }
        largest[head] = remaining
        return true
    }

    /// Share of the largest value below which the values that are left are far below it, as that of the totals.
    private static let leastShare: Float = 0.25

    /// Computes a row from the tokens in the ring.
    private mutating func recompute(row: Int, head: Int, filled: Int, kernels: Kernels) {
        for element in 0..<headWidth { query[element] = queries[(head * headWidth + element) * window + row] }
        kernels.recompute(
            row: row, head: head, query, from: 0, keys: keys, values: values, filled: filled, scores: &leavingScores,
            in: &rows)
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try rows.visit(&visitor)
        try visitor.visit(queries)
        try visitor.visit(keys)
        try visitor.visit(values)
        try visitor.visit(sizes)
        try visitor.visit(largest)
        try visitor.visit(leavingKey, .scratch)
        try visitor.visit(leavingValue, .scratch)
        try visitor.visit(leavingScores, .scratch)
        try visitor.visit(arrivingScores, .scratch)
        try visitor.visit(query, .scratch)
    }
}
