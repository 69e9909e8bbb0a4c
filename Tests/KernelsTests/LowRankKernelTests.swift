internal import Glibc
internal import Kernels
internal import TestSupport
internal import Testing

/// The parts of low-rank attention, and the sums of a retroactive layer, against their definitions on odd sizes.
@Suite struct LowRankKernelTests {
    @Test(arguments: Kernels.available) func headScores(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 1)
        for (heads, width, count) in [(1, 1, 1), (2, 3, 5), (3, 4, 16), (1, 17, 33), (4, 12, 8), (2, 16, 120)] {
            let (matrix, x) = (random.normals(3 + heads * width * count), random.normals(2 + heads * width))
            var scores = AlignedBuffer(count: heads * count + 1)
            kernels.headScores(
                AlignedBuffer(matrix), at: 3, AlignedBuffer(x), from: 2, heads: heads, width: width, count: count,
                into: &scores, at: 1)
            let expected = (0..<heads * count).map { index in
                (0..<width).reduce(0.0) { sum, element in
                    let row = index / count * width + element
                    return sum + Double(x[2 + row]) * Double(matrix[3 + row * count + index % count])
                }
            }
            try compare(
                floats(scores, 1..<1 + heads * count), with: expected, absolute: 1e-5, "\(heads), \(width), \(count)")
        }
    }

    @Test(arguments: Kernels.available) func mixAndApply(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 2)
        for (heads, landmarks, width) in [
            (1, 1, 1), (2, 3, 5), (3, 17, 4), (4, 8, 12), (2, 33, 20), (16, 8, 12), (17, 3, 2), (32, 2, 5),
        ] {
            let shape = SumsShape(heads: heads, landmarks: landmarks, width: width)
            var beta = random.normals(shape.rows, deviation: 3)
            // A landmark that does not exist has no weight.
            if landmarks > 1 { for head in 0..<heads { beta[heads + head] = SumsShape.lowest } }
            let (inverse, delta) = (random.normals(shape.rows * landmarks), random.normals(shape.means))
            var mixed = AlignedBuffer(count: shape.rows)
            var output = AlignedBuffer(count: shape.values)
            var scratch = AlignedBuffer(count: shape.scratch)
            kernels.mix(
                shape, beta: AlignedBuffer(beta), from: 0, inverse: AlignedBuffer(inverse), at: 0, scratch: &scratch,
                into: &mixed)
            kernels.apply(
                shape, mixed: mixed, at: 0, delta: AlignedBuffer(delta), from: 0, scratch: &scratch, into: &output,
                at: 0)
            var expectedMixed = [Double](repeating: 0, count: shape.rows)
            var expected = [Double](repeating: 0, count: shape.values)
            for head in 0..<heads {
                let weights = softmax((0..<landmarks).map { Double(beta[$0 * heads + head]) })
                let row = (0..<landmarks).map { j in
                    weights.indices.reduce(0.0) {
                        $0 + weights[$1] * Double(inverse[($1 * landmarks + j) * heads + head])
                    }
                }
                for j in 0..<landmarks { expectedMixed[j * heads + head] = row[j] }
                for c in 0..<width {
                    expected[c * heads + head] = row.indices.reduce(0.0) {
                        $0 + row[$1] * Double(delta[c * shape.paddedRows + $1 * heads + head])
                    }
                }
            }
            try compare(floats(mixed), with: expectedMixed, relative: 1e-6, "mixed, \(shape)")
            try compare(floats(output), with: expected, relative: 1e-6, "output, \(shape)")
        }
    }

    @Test(arguments: Kernels.available) func meanOfVectors(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 3)
        for count in [1, 7, 16, 33] {
            var mean = AlignedBuffer(random.normals(count + 2))
            var sum = [Double](repeating: 0, count: count)
            for index in 0..<50 {
                let x = random.normals(count + 1, deviation: 2, mean: 1)
                kernels.updateMean(AlignedBuffer(x), from: 1, index: index, &mean, at: 2, count: count)
                for index in sum.indices { sum[index] += Double(x[1 + index]) }
                try compare(
                    floats(mean, 2..<2 + count), with: sum.map { $0 / Double(index + 1) }, absolute: 1e-6,
                    "\(count) elements, \(index + 1) vectors")
            }
            // Equal vectors.
            let x = AlignedBuffer(random.normals(count))
            for index in 0..<100 { kernels.updateMean(x, from: 0, index: index, &mean, at: 0, count: count) }
            try compareBits(floats(mean, 0..<count), with: floats(x), "\(count) elements")
        }
    }

    /// Rows to which tokens are added and from which the oldest are subtracted, for several lifetimes of a row.
    @Test(arguments: Kernels.available) func exchange(_ kernels: Kernels) throws {
        for (heads, width, capacity) in TestScale.choose(
            [(1, 1, 2), (2, 3, 7), (1, 12, 16), (3, 5, 37)], reduced: [(2, 3, 7)])
        {
            for (deviation, outlier) in [(0.1, 0.0), (2, 0), (1, 40), (1, 200)] {
                var rows = SoftmaxRows(heads: heads, capacity: capacity, width: width)
                var random = SplitMix64(seed: 4)
                var tokens: [(scores: [Float], values: [Float])] = []
                for step in 0..<4 * capacity {
                    var scores = random.normals(heads * capacity, deviation: deviation)
                    if outlier > 0, step % (capacity + 3) == 1 { scores = scores.map { $0 + Float(outlier) } }
                    let token = (scores: scores, values: random.normals(heads * width))
                    let leaving = tokens.count == capacity ? tokens.removeFirst() : nil
                    tokens.append(token)
                    let counted = kernels.exchange(
                        AlignedBuffer(leaving?.scores ?? scores), AlignedBuffer(scores),
                        oldValues: AlignedBuffer(leaving?.values ?? token.values),
                        newValues: AlignedBuffer(token.values), from: 0, removing: leaving != nil, in: &rows)
                    let stale = (0..<heads * capacity).filter { rows.needsRecompute($0) }
                    #expect(counted == stale.count)
                    if deviation < 1 { #expect(counted == 0, "near equal weights never cancel") }
                    for index in 0..<heads * capacity where !rows.needsRecompute(index) {
                        let (head, row) = (index / capacity, index % capacity)
                        let weights = softmax(tokens.map { Double($0.scores[index]) })
                        let expected = (0..<width).map { c in
                            zip(weights, tokens).reduce(0.0) { $0 + $1.0 * Double($1.1.values[head * width + c]) }
                        }
                        var output = AlignedBuffer(count: heads * width)
                        rows.average(row: row, into: &output, at: 0)
                        let observed = floats(output, head * width..<(head + 1) * width)
                        try compare(observed, with: expected, absolute: 1e-5, "step \(step), head \(head), row \(row)")
                    }
                    // As the retroactive layer does: a stale row is recomputed.
                    for index in stale { recompute(index, tokens, kernels, &rows) }
                }
            }
        }
    }

    /// Computes a row from its tokens, with the scores as keys and a query of one.
    private func recompute(
        _ index: Int, _ tokens: [(scores: [Float], values: [Float])], _ kernels: Kernels, _ rows: inout SoftmaxRows
    ) {
        let (head, capacity, width) = (index / rows.capacity, rows.capacity, rows.width)
        var keys = AlignedBuffer(count: rows.heads * width * capacity)
        var values = AlignedBuffer(count: rows.heads * width * capacity)
        var query = AlignedBuffer(count: width)
        var scratch = AlignedBuffer(count: Kernels.padded(capacity))
        query[0] = 1
        for (slot, token) in tokens.enumerated() {
            keys[head * width * capacity + slot] = token.scores[index]
            for c in 0..<width {
                values[(head * capacity + slot) * width + c] = token.values[head * width + c]
            }
        }
        kernels.recompute(
            row: index % capacity, head: head, query, from: 0, keys: keys, values: values, filled: tokens.count,
            scores: &scratch, in: &rows)
    }
}
