package import Kernels

/// The memory of continual Nystrom attention with fixed landmarks: (Delta V)_t, the softmax average of the window's values
/// under each landmark's query, for every layer (docs/numerics.md, sections 3 and 6).
///
/// A maximum, a sum of exponentials and a weighted sum of values form a monoid. The window is cut into blocks of about sqrt(n) tokens, aligned
/// to the stream; three aggregates always cover it:
///
///     |<------------------- window of n tokens ------------------->|
///     oldest block's suffix |  middle blocks, combined  | newest block so far
///
/// Nothing is ever subtracted, so nothing drifts, and what leaves the window leaves no trace. What the next block change needs (the suffixes of the
/// next oldest block, the next combination of middle blocks) is prepared one piece a step, so that every step costs the same.
package struct SlidingSums: ~Copyable {
    package let shape: SumsShape
    package let layers: Int
    package let window: Int
    package let schedule: BlockSchedule
    private var logits: AlignedBuffer  // (layers, window, rows): each token's, for the suffixes
    private var values: AlignedBuffer  // (layers, window, values)
    private var suffixes: AlignedBuffer  // (layers, block, aggregate)
    private var totals: AlignedBuffer  // (layers, blocks, aggregate): complete blocks
    private var running: AlignedBuffer  // (layers, 3, aggregate): middle, newest, next middle
    private var scratch: AlignedBuffer

    package init(layers: Int, heads: Int, landmarks: Int, headWidth: Int, window: Int) {
        shape = SumsShape(heads: heads, landmarks: landmarks, width: headWidth)
        schedule = BlockSchedule(window: window)
        self.layers = layers
        self.window = window
        logits = AlignedBuffer(count: layers * window * shape.rows)
        values = AlignedBuffer(count: layers * window * shape.values)
        suffixes = AlignedBuffer(count: layers * schedule.block * shape.count)
        totals = AlignedBuffer(count: layers * schedule.blocks * shape.count)
        running = AlignedBuffer(count: layers * 3 * shape.count)
        scratch = AlignedBuffer(count: shape.scratch)
        reset()
    }

    /// Bytes of a stream.
    package var bytes: Int {
        4 * (logits.count + values.count + suffixes.count + totals.count + running.count + scratch.count)
    }

    package mutating func reset() {
        logits.fill(0)
        values.fill(0)
        for index in 0..<layers * schedule.block { shape.clear(&suffixes, at: index * shape.count) }
        for index in 0..<layers * schedule.blocks { shape.clear(&totals, at: index * shape.count) }
        for index in 0..<layers * 3 { shape.clear(&running, at: index * shape.count) }
    }

    /// Takes in token `position` of one layer and attends from it.
    /// - Parameter projected: beta's logits (rows), Delta's logits (rows) and v (values) of the token.
    package mutating func attend(
        _ projected: borrowing AlignedBuffer, inverse: ConstantVector, layer: Int, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer
    ) {
        let plan = schedule.plan(position)
        let size = shape.count
        let middle = layer * 3 * size
        let newest = middle + size
        let nextMiddle = middle + 2 * size
        let suffix = layer * schedule.block * size
        let total = layer * schedule.blocks * size
        let token = layer * window + Int(position % Int64(window))

        logits.copy(projected, from: shape.rows, count: shape.rows, to: token * shape.rows)
        values.copy(projected, from: 2 * shape.rows, count: shape.values, to: token * shape.values)

        if let slot = plan.completedBlock {
            totals.copy(running, from: newest, count: size, to: total + slot * size)
            kernels.combine(shape, totals, at: total + slot * size, into: &running, at: middle, scratch: &scratch)
            if plan.completedForNext {
                kernels.combine(
                    shape, totals, at: total + slot * size, into: &running, at: nextMiddle, scratch: &scratch)
            }
            shape.clear(&running, at: newest)
        }
        kernels.insert(
            shape, logits: logits, at: token * shape.rows, values: values, at: token * shape.values, in: &running,
            from: newest, to: newest, scratch: &scratch)
        if plan.startsPhase {
            running.move(nextMiddle..<nextMiddle + size, to: middle)
            shape.clear(&running, at: nextMiddle)
        }
        kernels.attend(
            shape, oldest: suffixes, at: suffix + plan.suffix * size, others: running, at: middle, beta: projected,
            inverse: inverse, scratch: &scratch, into: &context)

        // For the next phase: one more middle block or two, and one more suffix, where the one just used was.
        for slot in plan.middleBlocks {
            kernels.combine(
                shape, totals, at: total + schedule.slot(slot) * size, into: &running, at: nextMiddle, scratch: &scratch
            )
        }
        let target = suffix + plan.suffix * size
        guard let next = plan.suffixToken else { return shape.clear(&suffixes, at: target) }
        if plan.startsSuffix { shape.clear(&suffixes, at: target) }
        let entry = layer * window + Int(next % Int64(window))
        kernels.insert(
            shape, logits: logits, at: entry * shape.rows, values: values, at: entry * shape.values, in: &suffixes,
            from: plan.startsSuffix ? target : suffix + plan.previousSuffix * size, to: target, scratch: &scratch)
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(logits)
        writer.write(values)
        writer.write(suffixes)
        writer.write(totals)
        writer.write(running)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try reader.read(into: &logits)
        try reader.read(into: &values)
        try reader.read(into: &suffixes)
        try reader.read(into: &totals)
        try reader.read(into: &running)
    }
}

extension SumsShape {
    /// Makes the aggregate at `start` that of no token.
    func clear(_ sums: inout AlignedBuffer, at start: Int) {
        sums.fill(Self.lowest, start..<start + paddedRows)
        sums.fill(0, start + paddedRows..<start + count)
    }
}
