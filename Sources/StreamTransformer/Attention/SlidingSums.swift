package import Kernels

/// The memory of continual Nystrom attention: (Delta V)_t, the softmax average of the window's values under each
/// landmark's query, for every layer (docs/numerics.md, sections 3 and 6).
///
/// A maximum, a sum of exponentials and a weighted mean of values form a monoid. The window is divided into blocks of
/// about sqrt(n) tokens, aligned to the stream, and three aggregates cover it at any time:
///
///     |<------------------- window of n tokens ------------------->|
///     oldest block's suffix |  middle blocks, combined  | newest block so far
///
/// Nothing is ever subtracted, so nothing drifts, and a token that leaves the window leaves no trace. Each step
/// prepares one piece for the next change of blocks (a suffix of the next oldest block, a part of the next combination
/// of middle blocks), so that all steps cost the same.
package struct SlidingSums: ~Copyable, BufferList {
    package let shape: SumsShape
    package let layers: Int
    package let window: Int
    package let schedule: BlockSchedule
    var logits: AlignedBuffer  // (layers, window, landmarks, heads): of each token, for the suffixes
    var values: AlignedBuffer  // (layers, window, width, heads)
    var suffixes: AlignedBuffer  // (layers, block, aggregate)
    var totals: AlignedBuffer  // (layers, blocks, aggregate): complete blocks
    var running: AlignedBuffer  // (layers, 3, aggregate): middle, newest, next middle
    /// (layers, 4, aggregate): rounding errors of `running` and of the newest suffix.
    var compensations: AlignedBuffer
    private var combined: AlignedBuffer  // scratch: an aggregate and its compensation
    private var combinedCompensation: AlignedBuffer
    var scratch: AlignedBuffer

    package init(layers: Int, shape: SumsShape, window: Int) {
        self.shape = shape
        schedule = BlockSchedule(window: window)
        self.layers = layers
        self.window = window
        logits = AlignedBuffer(count: layers * window * shape.rows)
        values = AlignedBuffer(count: layers * window * shape.values)
        suffixes = AlignedBuffer(count: layers * schedule.block * shape.count)
        totals = AlignedBuffer(count: layers * schedule.blocks * shape.count)
        running = AlignedBuffer(count: layers * 3 * shape.count)
        compensations = AlignedBuffer(count: layers * 4 * shape.count)
        combined = AlignedBuffer(count: shape.count)
        combinedCompensation = AlignedBuffer(count: shape.count)
        scratch = AlignedBuffer(count: shape.scratch)
        reset()
    }

    /// Adds token `position` to one layer and attends from it.
    /// - Parameter projected: beta's logits (rows), Delta's logits (rows) and v (values) of the token, from `first` on.
    package mutating func attend(
        _ projected: borrowing AlignedBuffer, from first: Int = 0, inverse: borrowing AlignedBuffer, layer: Int,
        position: Int64, kernels: Kernels, into context: inout AlignedBuffer, at target: Int = 0
    ) {
        let plan = schedule.plan(position)
        insert(
            logits: projected, at: first + shape.rows, values: projected, at: first + 2 * shape.rows, layer: layer,
            position: position, plan, kernels: kernels)
        attend(
            beta: projected, at: first, inverse: inverse, at: 0, layer: layer, plan, kernels: kernels, into: &context,
            at: target)
        prepare(layer: layer, plan, kernels: kernels)
    }

    /// Adds token `position` with Delta's logits (rows) and v (values).
    package mutating func insert(
        logits: borrowing AlignedBuffer, at logitStart: Int, values: borrowing AlignedBuffer, at valueStart: Int,
        layer: Int, position: Int64, _ plan: BlockSchedule.Plan, kernels: Kernels
    ) {
        let size = shape.count
        let (middle, newest, nextMiddle) = (middle(layer), newest(layer), nextMiddle(layer))
        let token = self.token(position, layer)
        self.logits.copy(logits, from: logitStart, count: shape.rows, to: token * shape.rows)
        self.values.copy(values, from: valueStart, count: shape.values, to: token * shape.values)
        if let slot = plan.completedBlock {
            let total = total(slot, layer)
            totals.copy(running, from: newest, count: size, to: total)
            kernels.combine(
                shape, totals, at: total, into: &running, at: middle, compensation: &compensations,
                at: compensation(.middle, layer),
                scratch: &scratch)
            if plan.completedForNext {
                kernels.combine(
                    shape, totals, at: total, into: &running, at: nextMiddle, compensation: &compensations,
                    at: compensation(.nextMiddle, layer), scratch: &scratch)
            }
            shape.clear(&running, at: newest)
            clearCompensation(.newest, layer)
        }
        kernels.insert(
            shape, logits: self.logits, at: token * shape.rows, values: self.values, at: token * shape.values,
            in: &running, from: newest, to: newest, compensation: &compensations, at: compensation(.newest, layer),
            scratch: &scratch)
        if plan.startsPhase {
            running.move(nextMiddle..<nextMiddle + size, to: middle)
            shape.clear(&running, at: nextMiddle)
            let moved = compensation(.nextMiddle, layer)
            compensations.move(moved..<moved + size, to: compensation(.middle, layer))
            clearCompensation(.nextMiddle, layer)
        }
    }

    /// Computes context = softmax(beta) Z Delta from the three aggregates that cover the window.
    mutating func attend(
        beta: borrowing AlignedBuffer, at first: Int, inverse: borrowing AlignedBuffer, at inverseStart: Int,
        layer: Int, _ plan: BlockSchedule.Plan, kernels: Kernels, into context: inout AlignedBuffer, at target: Int
    ) {
        kernels.attend(
            shape, oldest: suffixes, at: suffix(plan.suffix, layer), others: running, at: middle(layer), beta: beta,
            from: first, inverse: inverse, at: inverseStart, scratch: &scratch, into: &context, at: target)
    }

    /// Computes delta (width, padded rows), the softmax averages over the window.
    package mutating func average(
        layer: Int, _ plan: BlockSchedule.Plan, kernels: Kernels, into delta: inout AlignedBuffer
    ) {
        combined.copy(running, from: middle(layer), count: shape.count, to: 0)
        combinedCompensation.copy(compensations, from: compensation(.middle, layer), count: shape.count, to: 0)
        kernels.combine(
            shape, running, at: newest(layer), into: &combined, at: 0, compensation: &combinedCompensation, at: 0,
            scratch: &scratch)
        kernels.combine(
            shape, suffixes, at: suffix(plan.suffix, layer), into: &combined, at: 0,
            compensation: &combinedCompensation, at: 0,
            scratch: &scratch)
        delta.copy(combined, from: shape.valueStart, count: shape.means, to: 0)
    }

    /// Prepares the next phase: combines one or two more middle blocks, and replaces the suffix just used by one of the
    /// next block.
    package mutating func prepare(layer: Int, _ plan: BlockSchedule.Plan, kernels: Kernels) {
        for block in plan.middleBlocks {
            kernels.combine(
                shape, totals, at: total(schedule.slot(block), layer), into: &running, at: nextMiddle(layer),
                compensation: &compensations, at: compensation(.nextMiddle, layer), scratch: &scratch)
        }
        let target = suffix(plan.suffix, layer)
        guard let next = plan.suffixToken else { return shape.clear(&suffixes, at: target) }
        if plan.startsSuffix {
            shape.clear(&suffixes, at: target)
            clearCompensation(.suffix, layer)
        }
        let token = self.token(next, layer)
        kernels.insert(
            shape, logits: logits, at: token * shape.rows, values: values, at: token * shape.values, in: &suffixes,
            from: plan.startsSuffix ? target : suffix(plan.previousSuffix, layer), to: target,
            compensation: &compensations, at: compensation(.suffix, layer), scratch: &scratch)
    }

    /// The aggregates to which tokens or blocks are added one by one, with compensated summation.
    enum Compensated: Int, CaseIterable { case middle, newest, nextMiddle, suffix }

    func compensation(_ piece: Compensated, _ layer: Int) -> Int {
        (layer * Compensated.allCases.count + piece.rawValue) * shape.count
    }

    private mutating func clearCompensation(_ piece: Compensated, _ layer: Int) {
        let start = compensation(piece, layer)
        compensations.fill(0, start..<start + shape.count)
    }

    func token(_ position: Int64, _ layer: Int) -> Int { layer * window + Int(position % Int64(window)) }
    func middle(_ layer: Int) -> Int { layer * 3 * shape.count }
    func newest(_ layer: Int) -> Int { middle(layer) + shape.count }
    func nextMiddle(_ layer: Int) -> Int { middle(layer) + 2 * shape.count }
    func suffix(_ slot: Int, _ layer: Int) -> Int { (layer * schedule.block + slot) * shape.count }
    func total(_ slot: Int, _ layer: Int) -> Int { (layer * schedule.blocks + slot) * shape.count }

    package func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(logits)
        try visitor.visit(values)
        try visitor.visit(suffixes, .aggregates(shape))
        try visitor.visit(totals, .aggregates(shape))
        try visitor.visit(running, .aggregates(shape))
        try visitor.visit(compensations)
        try visitor.visit(combined, .scratch)
        try visitor.visit(combinedCompensation, .scratch)
        try visitor.visit(scratch, .scratch)
    }
}
