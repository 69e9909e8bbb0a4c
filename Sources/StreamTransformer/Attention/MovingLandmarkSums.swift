internal import Kernels

/// The memory of continual Nystrom attention whose landmarks are the means of the last segments (docs/numerics.md,
/// section 4), for every layer: sliding sums, and the keys of the window, from which a new landmark's row is computed
/// when a segment ends.
struct MovingLandmarkSums: ~Copyable, BufferList {
    let window: Int
    /// s, the number of tokens of a segment.
    let segment: Int
    var sums: SlidingSums
    var landmarks: SegmentLandmarks
    private var keys: AlignedBuffer  // (layers, heads, headWidth, window): scores run along the window
    private var queryMeans: AlignedBuffer  // (layers, D), of the segment so far
    private var keyMeans: AlignedBuffer  // (layers, D)
    var beta: AlignedBuffer  // scratch (rows)
    private var scores: AlignedBuffer  // scratch (rows)
    private var ringScores: AlignedBuffer  // scratch (heads, window)
    private var tokenScores: AlignedBuffer  // scratch (window, heads)
    private var column: LandmarkColumn

    init(layers: Int, shape: SumsShape, window: Int, inverse: EncoderConfiguration.Inverse) {
        self.window = window
        segment = window / shape.landmarks
        sums = SlidingSums(layers: layers, shape: shape, window: window)
        landmarks = SegmentLandmarks(layers: layers, shape: shape, kind: inverse)
        keys = AlignedBuffer(count: layers * shape.values * window)
        queryMeans = AlignedBuffer(count: layers * shape.values)
        keyMeans = AlignedBuffer(count: layers * shape.values)
        beta = AlignedBuffer(count: shape.rows)
        scores = AlignedBuffer(count: shape.rows)
        ringScores = AlignedBuffer(count: shape.heads * window)
        tokenScores = AlignedBuffer(count: shape.heads * window)
        column = LandmarkColumn(heads: shape.heads, width: shape.width)
    }

    var shape: SumsShape { sums.shape }

    /// Returns the number of landmarks after token `position`.
    func count(_ position: Int64) -> Int { Int(min((position + 1) / Int64(segment), Int64(shape.landmarks))) }

    /// Adds token `position` to one layer and attends from it.
    /// - Parameter projected: q, k and v of the token, from `first` on.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, from first: Int, layer: Int, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer, at target: Int
    ) {
        let plan = sums.schedule.plan(position)
        insert(projected, from: first, layer: layer, position: position, plan, kernels: kernels)
        let count = count(position)
        if count == 0 {
            attendExactly(
                projected, from: first, layer: layer, position: position, kernels: kernels, into: &context, at: target)
        } else {
            landmarks.scoreQuery(
                projected, from: first, count: count, layer: layer, kernels: kernels, into: &beta)
            sums.attend(
                beta: beta, at: 0, inverse: landmarks.inverse, at: landmarks.inverseStart(layer), layer: layer, plan,
                kernels: kernels, into: &context, at: target)
        }
        sums.prepare(layer: layer, plan, kernels: kernels)
    }

    /// Returns true if token `position` completes a segment.
    func endsSegment(_ position: Int64) -> Bool { (position + 1).isMultiple(of: Int64(segment)) }

    /// Adds the token, and the segment's landmark if the token ends a segment.
    mutating func insert(
        _ projected: borrowing AlignedBuffer, from first: Int, layer: Int, position: Int64,
        _ plan: BlockSchedule.Plan, kernels: Kernels
    ) {
        let width = shape.values
        let slot = Int(position % Int64(window))
        let start = layer * width * window
        for element in 0..<width { keys[start + element * window + slot] = projected[first + width + element] }

        let index = Int(position % Int64(segment))
        kernels.updateMean(projected, from: first, index: index, &queryMeans, at: layer * width, count: width)
        kernels.updateMean(projected, from: first + width, index: index, &keyMeans, at: layer * width, count: width)

        landmarks.scoreKey(projected, from: first + width, layer: layer, kernels: kernels, into: &scores)
        sums.insert(
            logits: scores, at: 0, values: projected, at: first + 2 * width, layer: layer, position: position, plan,
            kernels: kernels)
        guard endsSegment(position) else { return }

        let landmark = Int(position / Int64(segment) % Int64(shape.landmarks))
        landmarks.replace(
            landmark, layer: layer, queries: queryMeans, at: layer * width, keys: keyMeans, at: layer * width)
        landmarks.invert(count: count(position), layer: layer, kernels: kernels)
        scoreMean(layer: layer, kernels: kernels)
        sums.replace(
            landmark: landmark, scores: tokenScores, layer: layer, position: position, kernels: kernels, &column)
    }

    /// Computes softmax attention over the tokens so far, fewer than a segment, from the query at `first`.
    mutating func attendExactly(
        _ projected: borrowing AlignedBuffer, from first: Int, layer: Int, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer, at target: Int
    ) {
        kernels.headScores(
            keys, at: layer * shape.values * window, projected, from: first, heads: shape.heads, width: shape.width,
            count: window, into: &ringScores)
        arrangeByToken()
        column.clear()
        for token in 0...position { sums.add(token, tokenScores, layer: layer, kernels: kernels, to: &column) }
        for element in 0..<shape.width {
            context.copy(
                column.sums, from: column.shape.valueStart + element * column.shape.paddedRows, count: shape.heads,
                to: target + element * shape.heads)
        }
    }

    /// Computes tokenScores, the products of the segment's mean query with the keys in the ring.
    private mutating func scoreMean(layer: Int, kernels: Kernels) {
        kernels.headScores(
            keys, at: layer * shape.values * window, queryMeans, from: layer * shape.values, heads: shape.heads,
            width: shape.width, count: window, into: &ringScores)
        arrangeByToken()
    }

    /// Transposes ringScores (heads, window) into tokenScores (window, heads).
    private mutating func arrangeByToken() {
        for head in 0..<shape.heads {
            for slot in 0..<window { tokenScores[slot * shape.heads + head] = ringScores[head * window + slot] }
        }
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try sums.visit(&visitor)
        try landmarks.visit(&visitor)
        try visitor.visit(keys)
        try visitor.visit(queryMeans)
        try visitor.visit(keyMeans)
        try visitor.visit(beta, .scratch)
        try visitor.visit(scores, .scratch)
        try visitor.visit(ringScores, .scratch)
        try visitor.visit(tokenScores, .scratch)
        try column.visit(&visitor)
    }
}
