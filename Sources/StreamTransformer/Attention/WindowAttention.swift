internal import Kernels

/// Attention recomputed from all rows of a window: `full` and `nystromformer` attention, and the second of two
/// continual layers, all inputs of which change with every token (docs/numerics.md, section 2).
struct WindowAttention: ~Copyable, BufferList {
    enum Method: Equatable {
        case softmax
        /// Landmarks that are folded into the projections, which give beta's scores, Delta's scores and v.
        case fixedLandmarks
        /// Landmarks that are the means of the segments of this window.
        case windowSegments(EncoderConfiguration.Inverse)
        /// Landmarks that are the means of the segments when the stream's last segment was completed.
        case streamSegments(EncoderConfiguration.Inverse)
    }

    let method: Method
    let shape: SumsShape  // landmarks: 0 for softmax attention
    let window: Int
    private var landmarks: SegmentLandmarks
    private var keys: AlignedBuffer  // scratch (heads, headWidth, window)
    private var values: AlignedBuffer  // scratch (heads, window, headWidth)
    private var scores: AlignedBuffer  // scratch (window, or rows)
    private var sums: AlignedBuffer  // scratch: the aggregate of the window, and its compensation
    private var compensation: AlignedBuffer
    private var scratch: AlignedBuffer
    private var mixed: AlignedBuffer  // scratch (rows)
    private var means: AlignedBuffer  // scratch (2, D)
    private var output: AlignedBuffer  // scratch (D): of softmax attention
    /// Index of each element (heads, headWidth) among a token's values and in its context.
    private let indices: [Int]

    init(_ method: Method, shape: SumsShape, window: Int) {
        self.method = method
        self.shape = shape
        self.window = window
        let kind: EncoderConfiguration.Inverse =
            switch method {
            case .softmax, .fixedLandmarks: .ridge(lambda: 1)
            case .windowSegments(let kind), .streamSegments(let kind): kind
            }
        let ownLandmarks = method == .fixedLandmarks ? 0 : shape.landmarks
        landmarks = SegmentLandmarks(
            layers: 1, shape: SumsShape(heads: shape.heads, landmarks: ownLandmarks, width: shape.width), kind: kind)
        // Until the first segment is complete, attention is softmax attention.
        let usesKeys = method != .fixedLandmarks
        keys = AlignedBuffer(count: usesKeys ? shape.values * window : 0)
        values = AlignedBuffer(count: usesKeys ? shape.values * window : 0)
        scores = AlignedBuffer(count: max(Kernels.padded(window), shape.rows))
        sums = AlignedBuffer(count: shape.count)
        compensation = AlignedBuffer(count: shape.count)
        scratch = AlignedBuffer(count: shape.scratch)
        mixed = AlignedBuffer(count: shape.rows)
        means = AlignedBuffer(count: 2 * shape.values)
        output = AlignedBuffer(count: shape.values)
        indices = (0..<shape.values).map { element in
            method == .softmax ? element : element % shape.width * shape.heads + element / shape.width
        }
    }

    /// Floats of a row of projections.
    private var pitch: Int { method == .fixedLandmarks ? 2 * shape.rows + shape.values : 3 * shape.values }
    /// Index of v in a row of projections.
    private var valueStart: Int { pitch - shape.values }

    /// Attends from the last `wanted` rows of a window.
    /// - Parameters:
    ///   - projected: projections of all rows of the window, oldest first: q, k and v; or beta's scores, Delta's scores
    ///     and v.
    ///   - rows: number of tokens of the window.
    ///   - inverse: Z of fixed landmarks.
    ///   - position: position in the stream of the last row's token.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, rows: Int, wanted: Int, inverse: borrowing AlignedBuffer,
        position: Int64, kernels: Kernels, into context: inout AlignedBuffer
    ) {
        let count = landmarkCount(rows: rows, position: position)
        if updatesLandmarks(position) { updateLandmarks(projected, count: count, kernels: kernels) }
        guard count > 0 else {
            gather(projected, rows: rows)
            for row in rows - wanted..<rows {
                kernels.ringAttend(
                    projected, from: row * pitch, keys: keys, values: values, at: 0, heads: shape.heads,
                    width: shape.width, capacity: window, filled: rows, scores: &scores, into: &output)
                for (element, index) in indices.enumerated() {
                    context[(row - rows + wanted) * shape.values + index] = output[element]
                }
            }
            return
        }
        sum(projected, rows: rows, kernels: kernels)
        for row in rows - wanted..<rows {
            if method == .fixedLandmarks {
                kernels.mix(
                    shape, beta: projected, from: row * pitch, inverse: inverse, at: 0, scratch: &scratch, into: &mixed)
            } else {
                landmarks.scoreQuery(
                    projected, from: row * pitch, count: count, layer: 0, kernels: kernels, into: &scores)
                kernels.mix(
                    shape, beta: scores, from: 0, inverse: landmarks.inverse, at: 0, scratch: &scratch, into: &mixed)
            }
            kernels.apply(
                shape, mixed: mixed, at: 0, delta: sums, from: shape.valueStart, scratch: &scratch, into: &context,
                at: (row - rows + wanted) * shape.values)
        }
    }

    /// Returns the number of landmarks. With none, attention is softmax attention.
    private func landmarkCount(rows: Int, position: Int64) -> Int {
        switch method {
        case .softmax: 0
        case .fixedLandmarks: shape.landmarks
        case .windowSegments, .streamSegments: rows / (window / shape.landmarks)
        }
    }

    /// Returns true if this window's segments give new landmarks.
    private func updatesLandmarks(_ position: Int64) -> Bool {
        switch method {
        case .softmax, .fixedLandmarks: false
        case .windowSegments: true
        case .streamSegments: (position + 1).isMultiple(of: Int64(window / shape.landmarks))
        }
    }

    /// Makes the means of the first `count` segments the landmarks.
    private mutating func updateLandmarks(_ projected: borrowing AlignedBuffer, count: Int, kernels: Kernels) {
        guard count > 0 else { return }
        let (segment, width) = (window / shape.landmarks, shape.values)
        landmarks.reset()
        for landmark in 0..<count {
            for index in 0..<segment {
                let row = (landmark * segment + index) * pitch
                kernels.updateMean(projected, from: row, index: index, &means, at: 0, count: 2 * width)
            }
            landmarks.replace(landmark, layer: 0, queries: means, at: 0, keys: means, at: width)
        }
        landmarks.invert(count: count, layer: 0, kernels: kernels)
    }

    /// Computes the aggregate of all rows under every landmark's query.
    private mutating func sum(_ projected: borrowing AlignedBuffer, rows: Int, kernels: Kernels) {
        shape.clear(&sums, at: 0)
        compensation.fill(0)
        for row in 0..<rows {
            if method == .fixedLandmarks {
                kernels.insert(
                    shape, logits: projected, at: row * pitch + shape.rows, values: projected,
                    at: row * pitch + valueStart, in: &sums, from: 0, to: 0, compensation: &compensation, at: 0,
                    scratch: &scratch)
            } else {
                landmarks.scoreKey(
                    projected, from: row * pitch + shape.values, layer: 0, kernels: kernels, into: &scores)
                kernels.insert(
                    shape, logits: scores, at: 0, values: projected, at: row * pitch + valueStart, in: &sums, from: 0,
                    to: 0, compensation: &compensation, at: 0, scratch: &scratch)
            }
        }
    }

    /// Arranges keys and values of all rows for the softmax kernel.
    private mutating func gather(_ projected: borrowing AlignedBuffer, rows: Int) {
        let width = shape.values
        for row in 0..<rows {
            let source = row * pitch + width
            for element in 0..<width { keys[element * window + row] = projected[source + element] }
            for (element, index) in indices.enumerated() {
                let (head, column) = element.quotientAndRemainder(dividingBy: shape.width)
                values[(head * window + row) * shape.width + column] = projected[source + width + index]
            }
        }
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        // Only landmarks of the stream's segments are needed after the token.
        let isKept = if case .streamSegments = method { true } else { false }
        try landmarks.visit(&visitor, isKept ? .state : .scratch)
        try visitor.visit(keys, .scratch)
        try visitor.visit(values, .scratch)
        try visitor.visit(scores, .scratch)
        try visitor.visit(sums, .scratch)
        try visitor.visit(compensation, .scratch)
        try visitor.visit(scratch, .scratch)
        try visitor.visit(mixed, .scratch)
        try visitor.visit(means, .scratch)
        try visitor.visit(output, .scratch)
    }
}
