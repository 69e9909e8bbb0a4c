internal import Kernels
internal import TestSupport
internal import Testing

/// Matrix products against plain loops in float64, and batches against their members.
@Suite struct AffineTests {
    /// A random matrix and the values that predict its products.
    private struct Sample {
        let inputs: Int
        let outputs: Int
        let rows: [Float]
        let bias: [Float]?

        init(_ inputs: Int, _ outputs: Int, hasBias: Bool, _ random: inout SplitMix64) {
            self.inputs = inputs
            self.outputs = outputs
            rows = random.normals(inputs * outputs)
            bias = hasBias ? random.normals(outputs) : nil
        }

        var matrix: PackedMatrix { packed(.float32) }

        func packed(_ precision: WeightPrecision) -> PackedMatrix {
            PackedMatrix(rows: rows, bias: bias, inputs: inputs, outputs: outputs, precision: precision)
        }

        func product(_ x: [Float]) -> [Double] {
            (0..<outputs).map { output in
                (0..<inputs).reduce(Double(bias?[output] ?? 0)) {
                    $0 + Double(rows[output * inputs + $1]) * Double(x[$1])
                }
            }
        }

        /// A generous bound on the rounding error of a sum of normally distributed terms.
        var tolerance: Double { 8 * ulp * Double(inputs + 2).squareRoot() * 4 }
    }

    @Test(arguments: Kernels.available) func agreesWithFloat64(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 1)
        for inputs in sizes {
            for outputs in sizes {
                let sample = Sample(inputs, outputs, hasBias: random.next() % 2 == 0, &random)
                let x = random.normals(inputs)
                var y = AlignedBuffer(count: outputs + 1, repeating: 7)
                kernels.affine(sample.matrix, AlignedBuffer(x), into: &y)
                try compare(
                    floats(y, 0..<outputs), with: sample.product(x), absolute: sample.tolerance,
                    "\(inputs) -> \(outputs)")
                #expect(y[outputs] == 7, "\(inputs) -> \(outputs) writes behind its outputs")
            }
        }
    }

    @Test(arguments: Kernels.available) func accumulates(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 2)
        for (inputs, outputs) in [(1, 1), (3, 17), (16, 64), (65, 63), (64, 192), (17, 100)] {
            for hasBias in [false, true] {
                let sample = Sample(inputs, outputs, hasBias: hasBias, &random)
                let (x, before) = (random.normals(inputs), random.normals(outputs))
                var y = AlignedBuffer(before)
                kernels.affine(sample.matrix, AlignedBuffer(x), into: &y, accumulate: true)
                let expected = zip(sample.product(x), before).map { $0 + Double($1) }
                try compare(floats(y), with: expected, absolute: sample.tolerance, "\(inputs) -> \(outputs), added")
            }
        }
    }

    /// Streams that are stepped together get the results of each one alone, bit for bit.
    @Test(arguments: Kernels.available, [WeightPrecision.float32, .float16, .int8])
    func batchEqualsItsRowsBitForBit(_ kernels: Kernels, _ precision: WeightPrecision) throws {
        var random = SplitMix64(seed: 3)
        for rows in 1...9 {
            for (inputs, outputs) in [
                (1, 1), (3, 15), (16, 16), (64, 17), (63, 63), (65, 64), (33, 65), (192, 192), (7, 100),
            ] {
                for accumulate in [false, true] {
                    let sample = Sample(inputs, outputs, hasBias: random.next() % 2 == 0, &random)
                    let (inputStride, outputStride) = (
                        inputs + random.integer(in: 0...3), outputs + random.integer(in: 0...3)
                    )
                    let (start, target) = (random.integer(in: 0...5), random.integer(in: 0...5))
                    let x = AlignedBuffer(random.normals(start + rows * inputStride))
                    let before = random.normals(target + rows * outputStride + 2)
                    var together = AlignedBuffer(before)
                    var alone = AlignedBuffer(before)
                    let matrix = sample.packed(precision)
                    kernels.affine(
                        matrix, x, from: start, into: &together, at: target, accumulate: accumulate, rows: rows,
                        inputStride: inputStride, outputStride: outputStride)
                    for row in 0..<rows {
                        kernels.affine(
                            matrix, x, from: start + row * inputStride, into: &alone, at: target + row * outputStride,
                            accumulate: accumulate)
                    }
                    // The floats between and after the rows are compared, too.
                    try compareBits(floats(together), with: floats(alone), "\(rows) rows of \(inputs) -> \(outputs)")
                    guard precision == .float32 else { continue }
                    let first = (0..<inputs).map { x[start + $0] }
                    let expected = zip(sample.product(first), before[target...]).map {
                        accumulate ? $0 + Double($1) : $0
                    }
                    try compare(
                        floats(together, target..<target + outputs), with: expected, absolute: sample.tolerance,
                        "first of \(rows) rows of \(inputs) -> \(outputs)")
                }
            }
        }
    }

    /// Rows may overlap, as the windows of a convolution do.
    @Test(arguments: Kernels.available) func overlappingRows(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 4)
        for stride in [1, 2, 5] {
            let sample = Sample(9, 20, hasBias: true, &random)
            let x = random.normals(9 + 6 * stride)
            var y = AlignedBuffer(count: 7 * 20)
            kernels.affine(
                sample.matrix, AlignedBuffer(x), into: &y, rows: 7, inputStride: stride, outputStride: 20)
            for row in 0..<7 {
                try compare(
                    floats(y, row * 20..<row * 20 + 20), with: sample.product(Array(x[(row * stride)...].prefix(9))),
                    absolute: sample.tolerance, "row \(row), stride \(stride)")
            }
        }
    }

    @Test(arguments: Kernels.available) func bandedMatrix(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 5)
        for (inputs, outputs) in [(1, 1), (5, 3), (64, 16), (257, 17), (257, 64), (33, 40), (513, 128)] {
            let rows = (0..<outputs).map { _ in
                // Some filters are empty, as in a bank with more bands than bins.
                let (first, count) = (random.integer(in: 0...inputs - 1), random.integer(in: 0...20))
                return (0..<inputs).map { $0 >= first && $0 < first + count ? Float(random.normal()) : 0 }
            }
            let matrix = BandedMatrix(rows: rows, inputs: inputs)
            let x = random.normals(inputs)
            var y = AlignedBuffer(count: matrix.paddedOutputs, repeating: 7)
            kernels.banded(matrix, AlignedBuffer(x), into: &y)
            let expected = rows.map { row in zip(row, x).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
            try compare(floats(y, 0..<outputs), with: expected, absolute: 40 * ulp, "\(inputs) -> \(outputs) bands")
        }
    }

    @Test(arguments: Kernels.available) func bandedMatrixOfZeros(_ kernels: Kernels) {
        let matrix = BandedMatrix(rows: [[Float]](repeating: [0, 0, 0], count: 20), inputs: 3)
        var y = AlignedBuffer(count: matrix.paddedOutputs, repeating: 7)
        kernels.banded(matrix, AlignedBuffer([1, 2, 3]), into: &y)
        let result = floats(y)
        #expect(result == [Float](repeating: 0, count: 32))
    }
}
