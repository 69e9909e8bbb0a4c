internal import Kernels
internal import TestSupport
internal import Testing

/// Products with weights of half precision, and with 8-bit weights, against float64 products of the stored weights.
@Suite struct WeightFormatTests {
    @Test(arguments: Kernels.available) func half(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 1)
        for inputs in sizes {
            for outputs in sizes {
                let (rows, bias, x) = (
                    random.normals(inputs * outputs), random.normals(outputs), random.normals(inputs)
                )
                let kept = rows.map { Float(Float16($0)) }
                try check(
                    kernels,
                    PackedMatrix(rows: rows, bias: bias, inputs: inputs, outputs: outputs, precision: .float16), x,
                    product(kept, bias, x), tolerance: 32 * ulp * Double(inputs + 2).squareRoot())
            }
        }
    }

    /// Weights of single precision that are exact in half precision are stored so, and sums are the same, bit for bit,
    /// as in a matrix that one more output keeps in single precision.
    @Test(arguments: Kernels.available) func halvesLoseNothing(_ kernels: Kernels) {
        var random = SplitMix64(seed: 4)
        let special: [Float] = [0, -0.0, 0x1p-24, -0x3p-24, 0x1.FF8p-15, 0x1p-14, 65504, -65504]
        for (inputs, outputs, count) in [
            (8, 16, 1), (33, 17, 1), (128, 192, 1), (128, 192, 64), (48, 48, 8), (9, 32, 5),
        ] {
            var rows = random.normals(inputs * outputs).map { Float(Float16($0)) }
            rows.replaceSubrange(0..<special.count, with: special)
            let bias = random.normals(outputs)
            let x = AlignedBuffer(random.normals(count * inputs))
            let kept = PackedMatrix(rows: rows, bias: bias, inputs: inputs, outputs: outputs)
            #expect(kept.storage == .float16)
            let last = [Float](repeating: 1 + 0x1p-11, count: inputs)
            let wide = PackedMatrix(rows: rows + last, bias: bias + [0], inputs: inputs, outputs: outputs + 1)
            #expect(wide.storage == .float32)
            var y = AlignedBuffer(count: count * outputs)
            var z = AlignedBuffer(count: count * (outputs + 1))
            kernels.affine(kept, x, into: &y, rows: count)
            kernels.affine(wide, x, into: &z, rows: count)
            for row in 0..<count {
                for output in 0..<outputs {
                    #expect(y[row * outputs + output].bitPattern == z[row * (outputs + 1) + output].bitPattern)
                }
            }
        }
    }

    @Test(arguments: [65536, 65520, 1 + 0x1p-11, 0x1p-25, 0x1.8p-24, 0x1.FFCp-15, .infinity, .nan] as [Float])
    func whatHalvesDoNotHold(_ weight: Float) {
        let matrix = PackedMatrix(rows: [1, weight], bias: nil, inputs: 2, outputs: 1)
        #expect(matrix.storage == .float32)
    }

    /// The range of half precision: the smallest numbers, zeros of both signs, and numbers that are too large.
    @Test(arguments: Kernels.available) func halvesOfAnySize(_ kernels: Kernels) throws {
        let values: [Float] = [0, -0.0, 5.9604645e-8, -3e-7, 6.1e-5, 1, -1.5, 65504, -65504, 1e6, -1e9]
        let kept = values.map { max(-65504, min(Float(Float16(max(-65504, min($0, 65504)))), 65504)) }
        for (index, value) in kept.enumerated() {
            let rows = (0..<17).map { $0 == 16 ? values[index] : 0 }
            let matrix = PackedMatrix(rows: rows, bias: nil, inputs: 1, outputs: 17, precision: .float16)
            var y = AlignedBuffer(count: 17)
            kernels.affine(matrix, AlignedBuffer([2]), into: &y)
            #expect(y[16] == 2 * value, "of \(values[index])")
        }
    }

    @Test(arguments: Kernels.available) func integers(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 2)
        for inputs in sizes + TestScale.choose([511, 512, 513, 1300], reduced: [513]) {
            for outputs in TestScale.choose([1, 15, 16, 17, 63, 64, 65, 129, 192], reduced: [1, 17, 65]) {
                let (rows, bias, x) = (
                    random.normals(inputs * outputs), random.normals(outputs), random.normals(inputs, deviation: 3)
                )
                let kept = (0..<outputs).flatMap { output -> [Float] in
                    let row = rows[output * inputs..<(output + 1) * inputs]
                    let unit = (row.map { abs($0) }.max() ?? 0) / 127
                    return row.map { ($0 / unit).rounded() * unit }
                }
                // An input is off by at most half a 32767th of the largest.
                let largest = Double(x.map { abs($0) }.max() ?? 0)
                try check(
                    kernels, PackedMatrix(rows: rows, bias: bias, inputs: inputs, outputs: outputs, precision: .int8),
                    x,
                    product(kept, bias, x), tolerance: 2e-4 * largest * Double(inputs).squareRoot())
            }
        }
    }

    /// Sums are of integers, so that all instruction sets give the same result. The largest sums do not overflow.
    @Test func integersAreTheSameEverywhere() throws {
        var random = SplitMix64(seed: 3)
        for (inputs, outputs) in [(512, 64), (700, 33)] {
            for x in [
                random.normals(inputs), [Float](repeating: 3, count: inputs), [Float](repeating: 0, count: inputs),
            ] {
                let rows = (0..<inputs * outputs).map { $0 % 3 == 0 ? Float(-1) : 1 }
                let matrix = PackedMatrix(rows: rows, bias: nil, inputs: inputs, outputs: outputs, precision: .int8)
                let results = Kernels.available.map { kernels in
                    var y = AlignedBuffer(count: outputs)
                    kernels.affine(matrix, AlignedBuffer(x), into: &y)
                    return floats(y)
                }
                for result in results {
                    try compare(
                        result, with: product(rows, nil, x), absolute: 1e-4 * Double(inputs), "\(inputs) -> \(outputs)")
                    try compare(result, with: results[0].map(Double.init), relative: 1e-6, "\(inputs) -> \(outputs)")
                }
            }
        }
    }

    /// Rows of zeros and vectors of tiny numbers cause no division by zero.
    @Test(arguments: Kernels.available) func zeros(_ kernels: Kernels) {
        let rows = (0..<2 * 20).map { $0 < 20 ? Float(0) : 1 }
        let matrix = PackedMatrix(rows: rows, bias: [1, 2], inputs: 20, outputs: 2, precision: .int8)
        for value in [Float(0), 1e-38, -1e-35] {
            var y = AlignedBuffer(count: 2)
            kernels.affine(matrix, AlignedBuffer(count: 20, repeating: value), into: &y)
            #expect(y[0] == 1 && y[1] == 2)
        }
    }

    private func product(_ rows: [Float], _ bias: [Float]?, _ x: [Float]) -> [Double] {
        (0..<rows.count / x.count).map { output in
            x.indices.reduce(Double(bias?[output] ?? 0)) {
                $0 + Double(rows[output * x.count + $1]) * Double(x[$1])
            }
        }
    }

    /// Compares the product, its sum with an existing output, and the floats after it, which stay unchanged.
    private func check(
        _ kernels: Kernels, _ matrix: PackedMatrix, _ x: [Float], _ expected: [Double], tolerance: Double
    ) throws {
        var y = AlignedBuffer(count: matrix.outputs + 1, repeating: 7)
        kernels.affine(matrix, AlignedBuffer(x), into: &y)
        try compare(
            floats(y, 0..<matrix.outputs), with: expected, absolute: tolerance, "\(matrix.inputs) -> \(matrix.outputs)")
        #expect(y[matrix.outputs] == 7, "\(matrix.inputs) -> \(matrix.outputs) writes behind its outputs")
        y.fill(1)
        kernels.affine(matrix, AlignedBuffer(x), into: &y, accumulate: true)
        try compare(
            floats(y, 0..<matrix.outputs), with: expected.map { $0 + 1 }, absolute: tolerance,
            "\(matrix.inputs) -> \(matrix.outputs), added")
    }
}
