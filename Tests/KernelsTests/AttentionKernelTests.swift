internal import Glibc
internal import Kernels
internal import TestSupport
internal import Testing

/// Softmax attention over a ring, and the aggregates of sliding softmax averages, against plain loops in float64.
@Suite struct AttentionKernelTests {
    @Test(arguments: Kernels.available) func ringAttend(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 1)
        for (heads, width) in [(1, 1), (3, 4), (2, 15), (2, 16), (4, 17), (1, 64), (2, 65), (5, 3)] {
            for (capacity, filled) in [
                (2, 1), (2, 2), (15, 3), (16, 16), (17, 16), (64, 63), (65, 65), (192, 100), (480, 480),
            ] {
                for deviation in [0.3, 3] {
                    let query = random.normals(heads * width, deviation: deviation / Double(width).squareRoot())
                    // The slots after the filled ones must have no effect.
                    let size = heads * width * capacity
                    let keys = random.normals(size + 5)
                    let values = random.normals(size + 5)
                    var output = AlignedBuffer(count: heads * width + 1, repeating: 7)
                    var scores = AlignedBuffer(count: Kernels.padded(capacity), repeating: 1e30)
                    kernels.ringAttend(
                        AlignedBuffer(query), keys: AlignedBuffer(keys), values: AlignedBuffer(values), at: 5,
                        heads: heads,
                        width: width, capacity: capacity, filled: filled, scores: &scores, into: &output)
                    for head in 0..<heads {
                        let logits = (0..<filled).map { slot in
                            (0..<width).reduce(0.0) {
                                $0 + Double(query[head * width + $1])
                                    * Double(keys[5 + (head * width + $1) * capacity + slot])
                            }
                        }
                        let expected = average(logits, width: width) { values[5 + (head * capacity + $0) * width + $1] }
                        try compare(
                            floats(output, head * width..<(head + 1) * width), with: expected, absolute: 40 * ulp,
                            "head \(head) of \(heads) x \(width), \(filled) of \(capacity)")
                    }
                    #expect(output[heads * width] == 7)
                }
            }
        }
    }

    /// Aggregates of tokens that are added one by one, or combined, give the softmax average over all tokens.
    @Test(arguments: Kernels.available) func sums(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 2)
        for (heads, landmarks, width) in [
            (1, 1, 1), (3, 4, 5), (2, 8, 4), (4, 16, 32), (1, 17, 16), (2, 33, 3), (16, 8, 12), (2, 3, 65), (5, 1, 7),
        ] {
            let shape = SumsShape(heads: heads, landmarks: landmarks, width: width)
            for deviation in [0.1, 2, 8] {
                let tokens = (0..<random.integer(in: 3...30)).map { _ in
                    Token(
                        logits: random.normals(shape.rows, deviation: deviation), values: random.normals(shape.values))
                }
                let beta = random.normals(shape.rows, deviation: deviation)
                let inverse = random.normals(shape.rows * landmarks)
                // Three parts in a random order, some of them empty.
                let first = random.integer(in: 0...tokens.count - 1)
                let second = random.integer(in: first...tokens.count - 1)
                let parts = [Array(tokens[..<first]), Array(tokens[first..<second]), Array(tokens[second...])]
                let observed = attend(kernels, shape, parts, beta, inverse)
                let expected = expectation(shape, tokens, beta, inverse)
                try compare(
                    observed, with: expected, relative: 3e-6,
                    "\(heads) x \(landmarks) x \(width), \(parts.map(\.count)) tokens, deviation \(deviation)")
            }
        }
    }

    /// An aggregate whose sum is zero shows the exponential of a single token.
    @Test(arguments: Kernels.available) func exponentialIsAccurate(_ kernels: Kernels) throws {
        let shape = SumsShape(heads: 1, landmarks: 16, width: 1)
        var scratch = AlignedBuffer(count: shape.scratch)
        for step in stride(from: 0, to: 120_000, by: 16) {
            let logits = (0..<16).map { Float(-0.001 * Double(step + $0)) }
            var sums = AlignedBuffer(count: shape.count)
            var compensation = AlignedBuffer(count: shape.count)
            kernels.insert(
                shape, logits: AlignedBuffer(logits), at: 0, values: AlignedBuffer([1]), at: 0, in: &sums, from: 0,
                to: 0, compensation: &compensation, at: 0, scratch: &scratch)
            for (lane, logit) in logits.enumerated() {
                let expected = exp(Double(logit))
                // A term e^-80 times smaller than the largest may be zero.
                let tolerance = logit < -80 ? expected : 2 * ulp * expected
                try compare([sums[16 + lane]], with: [expected], absolute: tolerance, "exp(\(logit))")
            }
        }
    }

    /// A term e^-100 times smaller has no effect, and sums stay finite.
    @Test(arguments: Kernels.available) func exponentsOfAnySize(_ kernels: Kernels) throws {
        let shape = SumsShape(heads: 1, landmarks: 3, width: 4)
        var random = SplitMix64(seed: 3)
        for outlier in [Float(30), 100, 300, 1e4, 1e30, -100, -1e30] {
            var tokens = (0..<9).map { _ in Token(logits: random.normals(3), values: random.normals(4)) }
            tokens[4].logits = [outlier, 0, outlier]
            let (beta, inverse) = (random.normals(3), random.normals(9))
            for cut in 0...8 {
                let parts = [Array(tokens[..<cut]), [], Array(tokens[cut...])]
                try compare(
                    attend(kernels, shape, parts, beta, inverse), with: expectation(shape, tokens, beta, inverse),
                    relative: 2e-6, "an outlier of \(outlier), cut at \(cut)")
            }
        }
    }

    @Test(arguments: Kernels.available) func insertLeavesItsSourceAlone(_ kernels: Kernels) throws {
        let shape = SumsShape(heads: 2, landmarks: 3, width: 5)
        var random = SplitMix64(seed: 4)
        let before = random.normals(2 * shape.count)
        let logits = AlignedBuffer(random.normals(shape.rows))
        let values = AlignedBuffer(random.normals(shape.values))
        var scratch = AlignedBuffer(count: shape.scratch)
        var apart = AlignedBuffer(before)
        var inPlace = AlignedBuffer(before)
        var compensation = AlignedBuffer(count: shape.count)
        kernels.insert(
            shape, logits: logits, at: 0, values: values, at: 0, in: &apart, from: 0, to: shape.count,
            compensation: &compensation,
            at: 0, scratch: &scratch)
        compensation.fill(0)
        kernels.insert(
            shape, logits: logits, at: 0, values: values, at: 0, in: &inPlace, from: 0, to: 0,
            compensation: &compensation, at: 0,
            scratch: &scratch)
        try compareBits(floats(apart, 0..<shape.count), with: Array(before[..<shape.count]), "the source")
        try compareBits(
            floats(apart, shape.count..<2 * shape.count), with: floats(inPlace, 0..<shape.count), "the target")
    }

    // MARK: - The definition

    private struct Token {
        var logits: [Float]
        let values: [Float]
    }

    /// Returns softmax(logits) times the rows of `values`.
    private func average(_ logits: [Double], width: Int, _ values: (_ row: Int, _ column: Int) -> Float) -> [Double] {
        let largest = logits.max() ?? 0
        let weights = logits.map { exp($0 - largest) }
        let total = weights.reduce(0, +)
        return (0..<width).map { column in
            weights.indices.reduce(0.0) { $0 + weights[$1] / total * Double(values($1, column)) }
        }
    }

    private func expectation(_ shape: SumsShape, _ tokens: [Token], _ beta: [Float], _ inverse: [Float]) -> [Double] {
        let m = shape.landmarks
        let heads = (0..<shape.heads).map { head in
            let delta = (0..<m).map { i in
                average(tokens.map { Double($0.logits[i * shape.heads + head]) }, width: shape.width) {
                    tokens[$0].values[$1 * shape.heads + head]
                }
            }
            let logits = (0..<m).map { Double(beta[$0 * shape.heads + head]) }
            let mixed = average(logits, width: m) { inverse[($0 * m + $1) * shape.heads + head] }
            return (0..<shape.width).map { c in (0..<m).reduce(0.0) { $0 + mixed[$1] * delta[$1][c] } }
        }
        return (0..<shape.width).flatMap { c in heads.map { $0[c] } }
    }

    /// Returns the kernels' result from the oldest part, a middle of two aggregates, and the newest part.
    private func attend(_ kernels: Kernels, _ shape: SumsShape, _ parts: [[Token]], _ beta: [Float], _ inverse: [Float])
        -> [Float]
    {
        var scratch = AlignedBuffer(count: shape.scratch)
        var sums = AlignedBuffer(count: 4 * shape.count)  // oldest, middle, newest, and a half of the middle
        var compensation = AlignedBuffer(count: 4 * shape.count)
        for part in 0..<4 {
            sums.fill(SumsShape.lowest, part * shape.count..<part * shape.count + shape.paddedRows)
        }
        func insert(_ tokens: some Sequence<Token>, _ part: Int, _ sums: inout AlignedBuffer) {
            for token in tokens {
                kernels.insert(
                    shape, logits: AlignedBuffer(token.logits), at: 0, values: AlignedBuffer(token.values), at: 0,
                    in: &sums, from: part * shape.count, to: part * shape.count, compensation: &compensation,
                    at: part * shape.count,
                    scratch: &scratch)
            }
        }
        insert(parts[0], 0, &sums)
        insert(parts[1].prefix(parts[1].count / 2), 1, &sums)
        insert(parts[1].dropFirst(parts[1].count / 2), 3, &sums)
        insert(parts[2], 2, &sums)
        var other = AlignedBuffer(count: shape.count)
        other.copy(sums, from: 3 * shape.count, count: shape.count, to: 0)
        kernels.combine(
            shape, other, at: 0, into: &sums, at: shape.count, compensation: &compensation, at: shape.count,
            scratch: &scratch)
        var oldest = AlignedBuffer(count: shape.count)
        oldest.copy(sums, from: 0, count: shape.count, to: 0)
        var output = AlignedBuffer(count: shape.values)
        kernels.attend(
            shape, oldest: oldest, at: 0, others: sums, at: shape.count, beta: AlignedBuffer(beta), from: 0,
            inverse: AlignedBuffer(inverse), at: 0, scratch: &scratch, into: &output, at: 0)
        return floats(output)
    }
}
