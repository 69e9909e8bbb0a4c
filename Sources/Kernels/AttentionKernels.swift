internal import CKernels

// The kernels of attention: over a ring of keys and values, and over aggregates of sliding softmax averages.
extension Kernels {
    /// Computes softmax attention of one query over the first `filled` slots of a ring, for every head.
    /// - Parameters:
    ///   - keys: heads x width x capacity.
    ///   - values: heads x capacity x width.
    ///   - scores: scratch, the capacity rounded up to whole vectors.
    package func ringAttend(
        _ query: borrowing AlignedBuffer, from first: Int = 0, keys: borrowing AlignedBuffer,
        values: borrowing AlignedBuffer, at start: Int, heads: Int, width: Int, capacity: Int, filled: Int,
        scores: inout AlignedBuffer, into output: inout AlignedBuffer, at target: Int = 0
    ) {
        precondition(filled <= capacity, "a ring holds at most its capacity")
        query.requires(first, heads * width)
        keys.requires(start, heads * width * capacity)
        values.requires(start, heads * width * capacity)
        scores.requires(0, Self.padded(capacity))
        output.requires(target, heads * width)
        unsafe table.pointee.ring_attend(
            query.address + first, keys.address + start, values.address + start, scores.address,
            output.address + target, heads, width, capacity, filled)
    }

    /// Computes scores (heads, count) = a vector (heads, width) times a matrix (heads, width, count), head by head.
    package func headScores(
        _ matrix: borrowing AlignedBuffer, at start: Int, _ x: borrowing AlignedBuffer, from first: Int,
        heads: Int, width: Int, count: Int, into scores: inout AlignedBuffer, at target: Int = 0
    ) {
        matrix.requires(start, heads * width * count)
        x.requires(first, heads * width)
        scores.requires(target, heads * count)
        unsafe table.pointee.head_scores(
            matrix.address + start, x.address + first, scores.address + target, heads, width, count)
    }

    /// Computes one row of `rows` from its tokens: `query` (width) against keys and values as in a ring.
    package func recompute(
        row: Int, head: Int, _ query: borrowing AlignedBuffer, from first: Int, keys: borrowing AlignedBuffer,
        values: borrowing AlignedBuffer, filled: Int, scores: inout AlignedBuffer, in rows: inout SoftmaxRows
    ) {
        precondition(filled <= rows.capacity && head < rows.heads && row < rows.capacity, "a row is one of the rows")
        query.requires(first, rows.width)
        keys.requires(0, rows.heads * rows.width * rows.capacity)
        values.requires(0, rows.heads * rows.width * rows.capacity)
        scores.requires(0, Self.padded(rows.capacity))
        unsafe table.pointee.softmax_row(
            rows.c, head, row, query.address + first, keys.address, values.address, filled, scores.address)
    }

    /// Adds the token with `newScores` and `newValues` to every row, and subtracts the one with `oldScores` and
    /// `oldValues` if `removing`.
    /// - Returns: the number of rows that need to be recomputed (``SoftmaxRows/needsRecompute(_:)``).
    package func exchange(
        _ oldScores: borrowing AlignedBuffer, _ newScores: borrowing AlignedBuffer, oldValues: borrowing AlignedBuffer,
        newValues: borrowing AlignedBuffer, from first: Int, removing: Bool, in rows: inout SoftmaxRows
    ) -> Int {
        oldScores.requires(0, rows.heads * rows.capacity)
        newScores.requires(0, rows.heads * rows.capacity)
        oldValues.requires(0, rows.heads * rows.width)
        newValues.requires(first, rows.heads * rows.width)
        return unsafe table.pointee.softmax_exchange(
            rows.c, removing ? oldScores.address : nil, newScores.address, oldValues.address,
            newValues.address + first)
    }

    /// Combines the aggregate at `source` of `sums` with a token, into the aggregate at `target`; both may be the same.
    /// The rounding errors of the source are at `compensationStart` of `compensation`, and are replaced by those of the
    /// target.
    package func insert(
        _ shape: SumsShape, logits: borrowing AlignedBuffer, at logitStart: Int, values: borrowing AlignedBuffer,
        at valueStart: Int, in sums: inout AlignedBuffer, from source: Int, to target: Int,
        compensation: inout AlignedBuffer, at compensationStart: Int, scratch: inout AlignedBuffer
    ) {
        logits.requires(logitStart, shape.rows)
        values.requires(valueStart, shape.values)
        sums.requires(source, shape.count)
        sums.requires(target, shape.count)
        compensation.requires(compensationStart, shape.count)
        scratch.requires(0, shape.scratch)
        unsafe table.pointee.sums_insert(
            shape.c, sums.address + source, logits.address + logitStart, values.address + valueStart,
            sums.address + target, compensation.address + compensationStart, scratch.address)
    }

    /// Combines the aggregate at `target` of `sums`, whose compensation is at `compensationStart`, with that at
    /// `source` of `other`.
    package func combine(
        _ shape: SumsShape, _ other: borrowing AlignedBuffer, at source: Int, into sums: inout AlignedBuffer,
        at target: Int, compensation: inout AlignedBuffer, at compensationStart: Int, scratch: inout AlignedBuffer
    ) {
        other.requires(source, shape.count)
        sums.requires(target, shape.count)
        compensation.requires(compensationStart, shape.count)
        scratch.requires(0, shape.scratch)
        unsafe table.pointee.sums_combine(
            shape.c, other.address + source, sums.address + target, compensation.address + compensationStart,
            scratch.address)
    }

    /// Computes output = softmax(beta) inverse Delta. Delta is the combination of three aggregates: that at `position`
    /// of `oldest`, and two from `second` of `others` on.
    package func attend(
        _ shape: SumsShape, oldest: borrowing AlignedBuffer, at position: Int, others: borrowing AlignedBuffer,
        at second: Int, beta: borrowing AlignedBuffer, from first: Int, inverse: borrowing AlignedBuffer,
        at inverseStart: Int, scratch: inout AlignedBuffer, into output: inout AlignedBuffer, at target: Int
    ) {
        oldest.requires(position, shape.count)
        others.requires(second, 2 * shape.count)
        beta.requires(first, shape.rows)
        inverse.requires(inverseStart, shape.rows * shape.landmarks)
        scratch.requires(0, shape.scratch)
        output.requires(target, shape.values)
        unsafe table.pointee.sums_attend(
            shape.c, oldest.address + position, others.address + second, others.address + second + shape.count,
            beta.address + first, inverse.address + inverseStart, scratch.address, output.address + target)
    }

    /// Computes mixed (rows) = softmax(beta) inverse of every head; inverse (landmarks, rows).
    package func mix(
        _ shape: SumsShape, beta: borrowing AlignedBuffer, from first: Int, inverse: borrowing AlignedBuffer,
        at inverseStart: Int, scratch: inout AlignedBuffer, into mixed: inout AlignedBuffer, at target: Int = 0
    ) {
        beta.requires(first, shape.rows)
        inverse.requires(inverseStart, shape.rows * shape.landmarks)
        mixed.requires(target, shape.rows)
        scratch.requires(0, shape.scratch)
        unsafe table.pointee.landmarks_mix(
            shape.c, beta.address + first, inverse.address + inverseStart, mixed.address + target,
            scratch.address)
    }

    /// Computes output (width, heads) = mixed Delta of every head. Delta (width, padded rows), the values of an
    /// aggregate, begins at `start`.
    package func apply(
        _ shape: SumsShape, mixed: borrowing AlignedBuffer, at first: Int, delta: borrowing AlignedBuffer,
        from start: Int, scratch: inout AlignedBuffer, into output: inout AlignedBuffer, at target: Int
    ) {
        mixed.requires(first, shape.rows)
        delta.requires(start, shape.means)
        output.requires(target, shape.values)
        scratch.requires(0, shape.scratch)
        unsafe table.pointee.landmarks_apply(
            shape.c, mixed.address + first, delta.address + start, output.address + target,
            scratch.address)
    }
}

extension SumsShape {
    fileprivate var c: kernels_sums_shape { kernels_sums_shape(heads: heads, landmarks: landmarks, width: width) }

    /// Floats of scratch that the kernels need.
    package var scratch: Int { kernels_sums_scratch(c) }
}

extension SoftmaxRows {
    fileprivate var c: kernels_rows {
        unsafe kernels_rows(
            heads: heads, capacity: capacity, width: width, maximum: maximum.address, total: total.address,
            largest: largest.address, value: value.address)
    }
}
