internal import Kernels

/// Landmarks that are means of segments, for every layer and head, and the approximate inverse of their attention
/// matrix (docs/numerics.md, section 4). Landmarks that do not exist yet are zero, and have no weight.
struct SegmentLandmarks: ~Copyable, BufferList {
    let shape: SumsShape
    let kind: EncoderConfiguration.Inverse
    private var queries: AlignedBuffer  // (layers, heads, width, m): scores run along the landmarks
    private var keys: AlignedBuffer  // (layers, heads, width, m)
    private var queryRows: AlignedBuffer  // (layers, m, D): `queries` as rows, one a landmark
    private(set) var inverse: AlignedBuffer  // (layers, m, m, heads)
    private var scores: AlignedBuffer  // scratch (m, heads, m)
    private var solver: LandmarkInverse

    init(layers: Int, shape: SumsShape, kind: EncoderConfiguration.Inverse) {
        self.shape = shape
        self.kind = kind
        queries = AlignedBuffer(count: layers * shape.rows * shape.width)
        keys = AlignedBuffer(count: layers * shape.rows * shape.width)
        queryRows = AlignedBuffer(count: layers * shape.rows * shape.width)
        scores = AlignedBuffer(count: shape.landmarks * shape.rows)
        inverse = AlignedBuffer(count: layers * shape.rows * shape.landmarks)
        solver = LandmarkInverse(capacity: shape.landmarks)
    }

    /// Returns the index of a layer's inverses.
    func inverseStart(_ layer: Int) -> Int { layer * shape.rows * shape.landmarks }

    /// Replaces `landmark` by the means (heads x width each) of a segment.
    mutating func replace(
        _ landmark: Int, layer: Int, queries newQueries: borrowing AlignedBuffer, at firstQuery: Int,
        keys newKeys: borrowing AlignedBuffer, at firstKey: Int
    ) {
        let start = layer * shape.rows * shape.width
        queryRows.copy(
            newQueries, from: firstQuery, count: shape.values,
            to: (layer * shape.landmarks + landmark) * shape.values)
        for element in 0..<shape.values {
            queries[start + element * shape.landmarks + landmark] = newQueries[firstQuery + element]
            keys[start + element * shape.landmarks + landmark] = newKeys[firstKey + element]
        }
    }

    /// Computes Z of every head from the first `count` landmarks.
    mutating func invert(count: Int, layer: Int, kernels: Kernels) {
        let m = shape.landmarks
        for landmark in 0..<count {
            kernels.headScores(
                keys, at: layer * shape.rows * shape.width, queryRows,
                from: (layer * m + landmark) * shape.values, heads: shape.heads, width: shape.width, count: m,
                into: &scores, at: landmark * shape.rows)
        }
        for head in 0..<shape.heads {
            for i in 0..<count {
                for j in 0..<count {
                    solver.gamma[i * count + j] = Double(scores[i * shape.rows + head * m + j])
                }
            }
            solver.solve(landmarks: count, kind: kind)
            let target = inverseStart(layer) + head
            for i in 0..<count {
                for j in 0..<count { inverse[target + (i * m + j) * shape.heads] = Float(solver.values[i * count + j]) }
            }
        }
    }

    /// Computes beta (rows) = q Kt' for q (heads, width); landmarks that do not exist yet get the lowest score.
    mutating func scoreQuery(
        _ q: borrowing AlignedBuffer, from first: Int, count: Int, layer: Int, kernels: Kernels,
        into beta: inout AlignedBuffer, at target: Int = 0
    ) {
        kernels.headScores(
            keys, at: layer * shape.rows * shape.width, q, from: first, heads: shape.heads, width: shape.width,
            count: shape.landmarks, into: &scores)
        arrangeByLandmark(into: &beta, at: target)
        beta.fill(SumsShape.lowest, target + count * shape.heads..<target + shape.rows)
    }

    /// Computes Delta's scores (rows) = k Qt' for k (heads, width).
    mutating func scoreKey(
        _ k: borrowing AlignedBuffer, from first: Int, layer: Int, kernels: Kernels, into delta: inout AlignedBuffer
    ) {
        kernels.headScores(
            queries, at: layer * shape.rows * shape.width, k, from: first, heads: shape.heads, width: shape.width,
            count: shape.landmarks, into: &scores)
        arrangeByLandmark(into: &delta, at: 0)
    }

    /// Transposes scores (heads, m) into rows (m, heads).
    private func arrangeByLandmark(into rows: inout AlignedBuffer, at target: Int) {
        for head in 0..<shape.heads {
            for landmark in 0..<shape.landmarks {
                rows[target + landmark * shape.heads + head] = scores[head * shape.landmarks + landmark]
            }
        }
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visit(&visitor, .state)
    }

    /// Visits the buffers, those of the landmarks with `role`.
    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor, _ role: BufferRole) throws(Visitor.Failure) {
        try visitor.visit(queries, role)
        try visitor.visit(queryRows, role)
        try visitor.visit(keys, role)
        try visitor.visit(inverse, role)
        try visitor.visit(scores, .scratch)
        visitor.visitScratch(bytes: solver.bytes)
    }
}
