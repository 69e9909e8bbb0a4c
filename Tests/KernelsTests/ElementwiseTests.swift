internal import Glibc
internal import Kernels
internal import TestSupport
internal import Testing

/// Element-wise kernels and layer norm against plain loops in float64.
@Suite struct ElementwiseTests {
    @Test(arguments: Kernels.available) func layerNorm(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 1)
        for count in sizes {
            for (mean, deviation) in [(0.0, 1.0), (3, 0.1), (-20, 5), (0, 1e-4), (1e3, 1e3)] {
                let x = random.normals(count, deviation: deviation, mean: mean)
                let (weight, bias) = (random.normals(count, mean: 1), random.normals(count))
                var y = AlignedBuffer(count: count + 1, repeating: 7)
                kernels.layerNorm(
                    AlignedBuffer(x), weight: ConstantVector(weight), bias: ConstantVector(bias), epsilon: 1e-5,
                    into: &y)
                let average = x.reduce(0) { $0 + Double($1) } / Double(count)
                let variance = x.reduce(0) { $0 + (Double($1) - average) * (Double($1) - average) } / Double(count)
                let expected = x.indices.map {
                    (Double(x[$0]) - average) / (variance + 1e-5).squareRoot() * Double(weight[$0]) + Double(bias[$0])
                }
                // The mean is rounded to a float, whose error counts in units of the standard deviation.
                let tolerance = (30 + 20 * abs(average) / (variance + 1e-5).squareRoot()) * ulp
                try compare(
                    floats(y, 0..<count), with: expected, absolute: tolerance, "\(count) of \(mean), \(deviation)")
                #expect(y[count] == 7)
            }
        }
    }

    @Test(arguments: Kernels.available) func layerNormOfEqualElementsIsTheBias(_ kernels: Kernels) throws {
        for count in sizes {
            let bias = (0..<count).map { Float($0) }
            var y = AlignedBuffer(count: count)
            kernels.layerNorm(
                AlignedBuffer(count: count, repeating: 0.5),
                weight: ConstantVector([Float](repeating: 3, count: count)),
                bias: ConstantVector(bias), epsilon: 1e-5, into: &y)
            try compareBits(floats(y), with: bias, "\(count) equal elements")
        }
    }

    @Test(arguments: Kernels.available) func standardizeMultiplyAndAdd(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 2)
        for count in sizes {
            let (x, a, b) = (random.normals(count), random.normals(count), random.normals(count))
            var y = AlignedBuffer(count: count + 3, repeating: 7)
            kernels.standardize(
                AlignedBuffer(x), offset: ConstantVector(a), scale: ConstantVector(b), into: &y, at: 2)
            let standardized = x.indices.map { (Double(x[$0]) - Double(a[$0])) * Double(b[$0]) }
            try compare(floats(y, 2..<count + 2), with: standardized, absolute: 16 * ulp, "\(count) standardized")
            #expect(y[1] == 7 && y[count + 2] == 7)

            kernels.multiply(AlignedBuffer([9] + x), from: 1, by: ConstantVector(a), into: &y)
            try compareBits(floats(y, 0..<count), with: x.indices.map { x[$0] * a[$0] }, "\(count) multiplied")

            var sum = AlignedBuffer(b)
            kernels.add(AlignedBuffer(x), count: count, to: &sum)
            try compareBits(floats(sum), with: x.indices.map { b[$0] + x[$0] }, "\(count) added")
            kernels.add(ConstantVector([1, 2] + a), from: 2, count: count, to: &sum)
            try compareBits(floats(sum), with: x.indices.map { b[$0] + x[$0] + a[$0] }, "\(count) constants added")
        }
    }

    @Test(arguments: Kernels.available) func relu(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 3)
        for count in sizes {
            let x = [-0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude] + random.normals(count)
            var y = AlignedBuffer(x + [-7])
            kernels.relu(&y, at: 1, count: x.count - 1)
            let expected: [Float] = [x[0]] + x.dropFirst().map { max($0, 0) } + [-7]
            try compare(floats(y), with: expected.map(Double.init), absolute: 0, "\(count)")
        }
    }

    @Test(arguments: Kernels.available) func geluAgainstErf(_ kernels: Kernels) throws {
        for count in sizes + [4001] {
            let x =
                (0..<count).map { Float(-10 + 20 * Double($0) / Double(max(count - 1, 1))) } + [
                    0, -0.0, 30, -30, 1e4, -1e4,
                ]
            var y = AlignedBuffer(x + [-7])
            kernels.gelu(&y, count: x.count)
            let expected = x.map { Double($0) / 2 * (1 + erf(Double($0) / 2.0.squareRoot())) }
            // Relative to the argument, since the approximation of erf has an absolute error.
            let scaled = x.indices.map { Float((Double(y[$0]) - expected[$0]) / max(1, abs(expected[$0]))) }
            try compare(scaled, with: x.map { _ in 0 }, absolute: 1e-6, "gelu of \(count) elements")
            #expect(y[x.count] == -7)
        }
    }

    @Test(arguments: Kernels.available) func logarithm(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 4)
        let recipes: [(floor: Float, offset: Float, scale: Float)] = [
            (0, 0.001, 1), (0, 0.01, 1), (1.1920929e-07, 0, 1), (1e-10, 0, 4.3429448),
        ]
        for (floor, offset, scale) in recipes {
            for count in sizes + [2000] {
                // From far below the floor to full scale and beyond, evenly in powers of two.
                var x = (0..<count).map { _ in Float(exp2(-40 + 70 * random.uniform())) }
                x[0] = 0
                var y = AlignedBuffer(x)
                kernels.log(&y, floor: floor, offset: offset, scale: scale)
                for index in x.indices {
                    let argument = max(Double(x[index]), Double(floor)) + Double(offset)
                    let expected = Double(scale) * log(argument)
                    // An argument near one has a logarithm near zero, but is itself rounded to a float.
                    let tolerance = 3 * ulp * (abs(expected) + Double(scale))
                    try compare(
                        [y[index]], with: [expected], absolute: tolerance,
                        "log of \(x[index]), floor \(floor), offset \(offset)")
                }
            }
        }
    }

    /// The spectrum of real samples from that of their pairs, both by their definition in float64.
    @Test(arguments: Kernels.available) func magnitudeAndPower(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 5)
        for pairs in [2, 3, 15, 16, 17, 31, 32, 33, 128, 256] {
            let samples = random.normals(2 * pairs, deviation: 100).map(Double.init)
            func bin(_ k: Int, _ count: Int, _ x: (Int) -> (Double, Double)) -> (re: Double, im: Double) {
                (0..<count).reduce(into: (re: 0.0, im: 0.0)) { sum, n in
                    let (angle, (re, im)) = (-2 * Double.pi * Double(k * n % count) / Double(count), x(n))
                    sum.re += re * cos(angle) - im * sin(angle)
                    sum.im += re * sin(angle) + im * cos(angle)
                }
            }
            let half = (0...pairs).flatMap { k -> [Float] in
                let z = bin(k % pairs, pairs) { (samples[2 * $0], samples[2 * $0 + 1]) }
                return [Float(z.re), Float(z.im)]
            }
            let angles = (0...pairs).map { Double.pi * Double($0) / Double(pairs) }
            let energies = (0...pairs).map { k -> Double in
                let x = bin(k, 2 * pairs) { (samples[$0], 0) }
                return x.re * x.re + x.im * x.im
            }
            let largest = (energies.max() ?? 0).squareRoot()
            for power in [false, true] {
                var y = AlignedBuffer(count: pairs + 2, repeating: 7)
                kernels.magnitude(
                    AlignedBuffer(half), cosines: ConstantVector(angles.map { Float(cos($0)) }),
                    sines: ConstantVector(angles.map { Float(sin($0)) }), power: power, into: &y)
                let expected = power ? energies : energies.map { $0.squareRoot() }
                try compare(
                    floats(y, 0..<pairs + 1), with: expected, absolute: 8 * ulp * largest * (power ? largest : 1),
                    "\(pairs) pairs, power \(power)")
                #expect(y[pairs + 1] == 7)
            }
        }
    }

    @Test func choosesByName() {
        #expect(Kernels(named: "no such kernels") == nil)
        #expect(Kernels.available.first?.name == "generic")
        for kernels in Kernels.available { #expect(Kernels(named: kernels.name)?.name == kernels.name) }
    }
}
