package import Kernels

/// The source of a retroactive layer's Delta: sliding sums under landmarks that are fixed or that move.
protocol LandmarkSums: ~Copyable, BufferList {
    var shape: SumsShape { get }

    /// Number of a token's first projections from which its row of softmax(beta) Z is computed again when landmarks
    /// move; zero if they are fixed.
    var keptProjections: Int { get }
    /// Returns the number of landmarks after token `position`. With none, attention is softmax attention.
    func count(_ position: Int64) -> Int
    /// Returns true if token `position` changed the landmarks.
    func changesLandmarks(_ position: Int64) -> Bool

    /// Adds token `position` to the only layer, and computes Delta (headWidth, padded rows).
    mutating func insert(
        _ projected: borrowing AlignedBuffer, position: Int64, kernels: Kernels, delta: inout AlignedBuffer)
    /// Computes mixed (rows) = softmax(beta) Z of the token whose projections begin at `first`.
    mutating func mix(
        _ projected: borrowing AlignedBuffer, from first: Int, count: Int, inverse: borrowing AlignedBuffer,
        kernels: Kernels, into mixed: inout AlignedBuffer, at target: Int)
    /// Computes softmax attention from the token whose projections begin at `first`.
    mutating func attendExactly(
        _ projected: borrowing AlignedBuffer, from first: Int, layer: Int, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer, at target: Int)
}

/// The memory of retroactive Nystrom attention: Delta of the window, and softmax(beta) Z of every row of the window.
/// When a token arrives, all rows change with Delta, at a cost of n m D multiply-adds (docs/numerics.md, section 2).
struct RetroactiveNystrom<Sums: LandmarkSums & ~Copyable>: ~Copyable, RetroactiveMemory {
    let window: Int
    private var sums: Sums
    private var mixed: AlignedBuffer  // (window, rows): softmax(beta) Z
    private var queries: AlignedBuffer  // (window, keptProjections)
    private var delta: AlignedBuffer  // scratch (headWidth, padded rows)
    private var scratch: AlignedBuffer

    init(_ sums: consuming Sums, window: Int) {
        let shape = sums.shape
        self.window = window
        mixed = AlignedBuffer(count: window * shape.rows)
        queries = AlignedBuffer(count: window * sums.keptProjections)
        delta = AlignedBuffer(count: shape.means)
        scratch = AlignedBuffer(count: shape.scratch)
        self.sums = sums
    }

    mutating func attend(
        _ projected: borrowing AlignedBuffer, inverse: borrowing AlignedBuffer, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer
    ) {
        let (shape, kept) = (sums.shape, sums.keptProjections)
        let filled = Int(min(position + 1, Int64(window)))
        let slot = Int(position % Int64(window))
        let count = sums.count(position)
        queries.copy(projected, from: 0, count: kept, to: slot * kept)
        sums.insert(projected, position: position, kernels: kernels, delta: &delta)
        guard count > 0 else {
            for row in 0..<filled {
                sums.attendExactly(
                    queries, from: row * kept, layer: 0, position: position, kernels: kernels, into: &context,
                    at: row * shape.values)
            }
            return
        }
        if sums.changesLandmarks(position) {
            for row in 0..<filled {
                sums.mix(
                    queries, from: row * kept, count: count, inverse: inverse, kernels: kernels, into: &mixed,
                    at: row * shape.rows)
            }
        } else {
            sums.mix(
                projected, from: 0, count: count, inverse: inverse, kernels: kernels, into: &mixed,
                at: slot * shape.rows)
        }
        for row in 0..<filled {
            let source = Int((position - Int64(filled - 1 - row)) % Int64(window))
            kernels.apply(
                shape, mixed: mixed, at: source * shape.rows, delta: delta, from: 0, scratch: &scratch, into: &context,
                at: row * shape.values)
        }
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try sums.visit(&visitor)
        try visitor.visit(mixed)
        try visitor.visit(queries)
        try visitor.visit(delta, .scratch)
        try visitor.visit(scratch, .scratch)
    }
}

extension SlidingSums: LandmarkSums {
    var keptProjections: Int { 0 }
    func count(_ position: Int64) -> Int { shape.landmarks }
    func changesLandmarks(_ position: Int64) -> Bool { false }

    package mutating func insert(
        _ projected: borrowing AlignedBuffer, position: Int64, kernels: Kernels, delta: inout AlignedBuffer
    ) {
        let plan = schedule.plan(position)
        insert(
            logits: projected, at: shape.rows, values: projected, at: 2 * shape.rows, layer: 0, position: position,
            plan, kernels: kernels)
        average(layer: 0, plan, kernels: kernels, into: &delta)
        prepare(layer: 0, plan, kernels: kernels)
    }

    mutating func mix(
        _ projected: borrowing AlignedBuffer, from first: Int, count: Int, inverse: borrowing AlignedBuffer,
        kernels: Kernels, into mixed: inout AlignedBuffer, at target: Int
    ) {
        kernels.mix(
            shape, beta: projected, from: first, inverse: inverse, at: 0, scratch: &scratch, into: &mixed, at: target)
    }

    mutating func attendExactly(
        _ projected: borrowing AlignedBuffer, from first: Int, layer: Int, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer, at target: Int
    ) {
        preconditionFailure("fixed landmarks exist from the first token on")
    }
}

extension MovingLandmarkSums: LandmarkSums {
    var keptProjections: Int { shape.values }
    func changesLandmarks(_ position: Int64) -> Bool { endsSegment(position) }

    mutating func insert(
        _ projected: borrowing AlignedBuffer, position: Int64, kernels: Kernels, delta: inout AlignedBuffer
    ) {
        let plan = sums.schedule.plan(position)
        insert(projected, from: 0, layer: 0, position: position, plan, kernels: kernels)
        sums.average(layer: 0, plan, kernels: kernels, into: &delta)
        sums.prepare(layer: 0, plan, kernels: kernels)
    }

    mutating func mix(
        _ projected: borrowing AlignedBuffer, from first: Int, count: Int, inverse: borrowing AlignedBuffer,
        kernels: Kernels, into mixed: inout AlignedBuffer, at target: Int
    ) {
        landmarks.scoreQuery(projected, from: first, count: count, layer: 0, kernels: kernels, into: &beta)
        kernels.mix(
            shape, beta: beta, from: 0, inverse: landmarks.inverse, at: 0, scratch: &sums.scratch, into: &mixed,
            at: target)
    }
}
