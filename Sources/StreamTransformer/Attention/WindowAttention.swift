internal import Kernels

/// Attention computed anew from all rows of a window: `full` and `nystromformer` attention, and the second of two continual layers, all of
/// whose inputs change with every token (docs/numerics.md, section 2).
struct WindowAttention: ~Copyable, BufferList {
    enum Method: Equatable {
        case softmax
        /// The landmarks are folded into the projections, which give beta's and Delta's scores, and v.
        case fixedLandmarks
        /// The means of the segments of this window.
        case windowSegments(EncoderConfiguration.Inverse)
        /// The means of the segments as they were when the stream's last one was completed.
        case streamSegments(EncoderConfiguration.Inverse)
    }

    let method: Method
    let shape: SumsShape  // landmarks: 0 for softmax attention
    let window: Int
    private var landmarks: SegmentLandmarks
    private var keys: AlignedBuffer  // scratch (heads, headWidth, window)
    private var values: AlignedBuffer  // scratch (heads, window, headWidth)
    private var scores: AlignedBuffer  // scratch (window, or rows)
    private var sums: AlignedBuffer  // scratch: the aggregate of the window, and its carry
    private var carry: AlignedBuffer
    private var scratch: AlignedBuffer
    private var mixed: AlignedBuffer  // scratch (rows)
    private var means: AlignedBuffer  // scratch (2, D)
    private var output: AlignedBuffer  // scratch (D): of softmax attention
    /// Where an element (heads, headWidth) lies among a token's values and in its context.
    private let places: [Int]

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
        // Until there is a landmark of a segment, attention is softmax attention.
        let usesKeys = method != .fixedLandmarks
        keys = AlignedBuffer(count: usesKeys ? shape.values * window : 0)
        values = AlignedBuffer(count: usesKeys ? shape.values * window : 0)
        scores = AlignedBuffer(count: max(Kernels.padded(window), shape.rows))
        sums = AlignedBuffer(count: shape.count)
        carry = AlignedBuffer(count: shape.count)
        scratch = AlignedBuffer(count: shape.scratch)
        mixed = AlignedBuffer(count: shape.rows)
        means = AlignedBuffer(count: 2 * shape.values)
        output = AlignedBuffer(count: shape.values)
        places = (0..<shape.values).map { element in
            method == .softmax ? element : element % shape.width * shape.heads + element / shape.width
        }
    }

    /// Floats of a row of projections.
    private var pitch: Int { method == .fixedLandmarks ? 2 * shape.rows + shape.values : 3 * shape.values }
    /// Where v begins in a row of projections.
    private var valueStart: Int { pitch - shape.values }

    /// - Parameters:
    ///   - projected: of all rows of the window, oldest first: q, k and v; or beta's scores, Delta's scores and v.
    ///   - rows: tokens of the window.
    ///   - wanted: how many of the last rows to attend from.
    ///   - inverse: of fixed landmarks.
    ///   - position: of the last row's token in the stream.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, rows: Int, wanted: Int, inverse: borrowing AlignedBuffer,
        position: Int64, kernels: Kernels, into context: inout AlignedBuffer
    ) {
        let count = landmarkCount(rows: rows, position: position)
        if takesMeans(position) { takeMeans(projected, count: count, kernels: kernels) }
        guard count > 0 else {
            gather(projected, rows: rows)
            for row in rows - wanted..<rows {
                kernels.ringAttend(
                    projected, from: row * pitch, keys: keys, values: values, at: 0, heads: shape.heads,
                    width: shape.width, capacity: window, filled: rows, scores: &scores, into: &output)
                for (element, place) in places.enumerated() {
                    context[(row - rows + wanted) * shape.values + place] = output[element]
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

    /// Landmarks that there are; none means softmax attention.
    private func landmarkCount(rows: Int, position: Int64) -> Int {
        switch method {
        case .softmax: 0
        case .fixedLandmarks: shape.landmarks
        case .windowSegments, .streamSegments: rows / (window / shape.landmarks)
        }
    }

    /// Whether this window's segments make new landmarks.
    private func takesMeans(_ position: Int64) -> Bool {
        switch method {
        case .softmax, .fixedLandmarks: false
        case .windowSegments: true
        case .streamSegments: (position + 1).isMultiple(of: Int64(window / shape.landmarks))
        }
    }

    /// Takes the means of the first `count` segments as landmarks.
    private mutating func takeMeans(_ projected: borrowing AlignedBuffer, count: Int, kernels: Kernels) {
        guard count > 0 else { return }
        let (segment, width) = (window / shape.landmarks, shape.values)
        landmarks.reset()
        for landmark in 0..<count {
            for place in 0..<segment {
                let row = (landmark * segment + place) * pitch
                kernels.takeMean(projected, from: row, place: place, &means, at: 0, count: 2 * width)
            }
            landmarks.replace(landmark, layer: 0, queries: means, at: 0, keys: means, at: width)
        }
        landmarks.invert(count: count, layer: 0, kernels: kernels)
    }

    /// The aggregate of all rows under every landmark's query.
    private mutating func sum(_ projected: borrowing AlignedBuffer, rows: Int, kernels: Kernels) {
        shape.clear(&sums, at: 0)
        carry.fill(0)
        for row in 0..<rows {
            if method == .fixedLandmarks {
                kernels.insert(
                    shape, logits: projected, at: row * pitch + shape.rows, values: projected,
                    at: row * pitch + valueStart, in: &sums, from: 0, to: 0, carry: &carry, at: 0,
                    scratch: &scratch)
            } else {
                landmarks.scoreKey(
                    projected, from: row * pitch + shape.values, layer: 0, kernels: kernels, into: &scores)
                kernels.insert(
                    shape, logits: scores, at: 0, values: projected, at: row * pitch + valueStart, in: &sums, from: 0,
                    to: 0, carry: &carry, at: 0, scratch: &scratch)
            }
        }
    }

    /// Keys and values of all rows as the softmax kernel wants them.
    private mutating func gather(_ projected: borrowing AlignedBuffer, rows: Int) {
        let width = shape.values
        for row in 0..<rows {
            let source = row * pitch + width
            for element in 0..<width { keys[element * window + row] = projected[source + element] }
            for (element, place) in places.enumerated() {
                let (head, column) = element.quotientAndRemainder(dividingBy: shape.width)
                values[(head * window + row) * shape.width + column] = projected[source + width + place]
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
        try visitor.visit(carry, .scratch)
        try visitor.visit(scratch, .scratch)
        try visitor.visit(mixed, .scratch)
        try visitor.visit(means, .scratch)
        try visitor.visit(output, .scratch)
    }
}
