package import Kernels

extension SlidingSums {
    /// Replaces a landmark: computes its rows of every aggregate from the window's tokens, as if the new landmark had
    /// always been there. The caller has added token `position` and has not attended from it yet. Costs about n (H + D)
    /// multiply-adds.
    ///
    /// - Parameter scores: products of the new landmark's queries with the window's keys (window, heads), in the order
    ///   of the ring.
    package mutating func replace(
        landmark: Int, scores: borrowing AlignedBuffer, layer: Int, position: Int64, kernels: Kernels,
        _ column: inout LandmarkColumn
    ) {
        let coverage = schedule.coverage(position)
        let first = max(0, position - Int64(window) + 1)
        for token in first...position {
            let start = self.token(token, layer) * shape.rows + landmark * shape.heads
            let source = Int(token % Int64(window)) * shape.heads
            logits.copy(scores, from: source, count: shape.heads, to: start)
        }
        // The remaining suffixes of the oldest block, and those of the next one that exist already.
        let block = schedule.block
        sumSuffixes(coverage.oldest, from: coverage.offset, scores, landmark, layer, kernels, &column)
        sumSuffixes(coverage.oldest + 1, from: block - coverage.offset, scores, landmark, layer, kernels, &column)
        // Complete blocks, and their combinations for this phase and the next one.
        for index in coverage.middle {
            column.clear()
            for token in index * Int64(block)..<(index + 1) * Int64(block) {
                add(token, scores, layer: layer, kernels: kernels, to: &column)
            }
            column.write(to: &totals, at: total(schedule.slot(index), layer), landmark, shape)
        }
        column.clear()
        combine(coverage.middle, landmark, layer, kernels, &column)
        column.write(to: &running, at: middle(layer), landmark, shape)
        column.clear()
        combine(coverage.nextMiddle, landmark, layer, kernels, &column)
        combine(coverage.nextMiddleCompleted, landmark, layer, kernels, &column)
        column.write(to: &running, at: nextMiddle(layer), landmark, shape)
        // The newest block so far.
        column.clear()
        for token in max(first, coverage.newest * Int64(block))...position {
            add(token, scores, layer: layer, kernels: kernels, to: &column)
        }
        column.write(to: &running, at: newest(layer), landmark, shape)
        // The rounding errors of the old landmark go; those of the new one are below a rounding.
        column.clear()
        for piece in Compensated.allCases {
            column.writeCompensation(to: &compensations, at: compensation(piece, layer), landmark, shape)
        }
    }

    /// Computes the suffixes of a block from its end down to the one that begins at `offset`.
    private mutating func sumSuffixes(
        _ index: Int64, from offset: Int, _ scores: borrowing AlignedBuffer, _ landmark: Int, _ layer: Int,
        _ kernels: Kernels, _ column: inout LandmarkColumn
    ) {
        guard index >= 0 else { return }
        column.clear()
        for offset in (offset..<schedule.block).reversed() {
            add(index * Int64(schedule.block) + Int64(offset), scores, layer: layer, kernels: kernels, to: &column)
            let slot = schedule.suffixSlot(block: index, offset: offset)
            column.write(to: &suffixes, at: suffix(slot, layer), landmark, shape)
        }
    }

    /// Combines the column with complete blocks.
    private mutating func combine(
        _ blocks: Range<Int64>, _ landmark: Int, _ layer: Int, _ kernels: Kernels, _ column: inout LandmarkColumn
    ) {
        for index in blocks {
            column.read(from: totals, at: total(schedule.slot(index), layer), landmark, shape)
            kernels.combine(
                column.shape, column.part, at: 0, into: &column.sums, at: 0, compensation: &column.compensation, at: 0,
                scratch: &scratch)
        }
    }

    /// Adds a token to the column; `scores` (window, heads) holds its scores in the order of the ring.
    mutating func add(
        _ token: Int64, _ scores: borrowing AlignedBuffer, layer: Int, kernels: Kernels, to column: inout LandmarkColumn
    ) {
        let source = Int(token % Int64(window)) * shape.heads
        kernels.insert(
            column.shape, logits: scores, at: source, values: values, at: self.token(token, layer) * shape.values,
            in: &column.sums, from: 0, to: 0, compensation: &column.compensation, at: 0, scratch: &scratch)
    }
}

/// One landmark's share of an aggregate, with all heads: scratch.
package struct LandmarkColumn: ~Copyable, BufferList {
    let shape: SumsShape
    var sums: AlignedBuffer
    var compensation: AlignedBuffer
    var part: AlignedBuffer

    package init(heads: Int, width: Int) {
        shape = SumsShape(heads: heads, landmarks: 1, width: width)
        sums = AlignedBuffer(count: shape.count)
        compensation = AlignedBuffer(count: shape.count)
        part = AlignedBuffer(count: shape.count)
    }

    package func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(sums, .scratch)
        try visitor.visit(compensation, .scratch)
        try visitor.visit(part, .scratch)
    }

    mutating func clear() {
        shape.clear(&sums, at: 0)
        compensation.fill(0)
    }

    /// Copies the sums into the aggregate at `start`.
    func write(to aggregates: inout AlignedBuffer, at start: Int, _ landmark: Int, _ whole: SumsShape) {
        for part in 0..<Self.maximumAndTotal + shape.width {
            aggregates.copy(
                sums, from: part * shape.paddedRows, count: shape.heads,
                to: start + part * whole.paddedRows + landmark * shape.heads)
        }
    }

    /// Copies the compensation into that of an aggregate, at `start`; a maximum has none.
    func writeCompensation(to compensations: inout AlignedBuffer, at start: Int, _ landmark: Int, _ whole: SumsShape) {
        for part in 1..<Self.maximumAndTotal + shape.width {
            compensations.copy(
                compensation, from: part * shape.paddedRows, count: shape.heads,
                to: start + part * whole.paddedRows + landmark * shape.heads)
        }
    }

    /// Copies the landmark's share of the aggregate at `start` to `part`.
    mutating func read(
        from aggregates: borrowing AlignedBuffer, at start: Int, _ landmark: Int, _ whole: SumsShape
    ) {
        for part in 0..<Self.maximumAndTotal + shape.width {
            self.part.copy(
                aggregates, from: start + part * whole.paddedRows + landmark * shape.heads, count: shape.heads,
                to: part * shape.paddedRows)
        }
    }

    /// Number of parts of an aggregate before the elements of its means; each part has a float for every row.
    private static let maximumAndTotal = 2
}
