/// A constant matrix in the kernels' layout, with its bias: y = W x + b.
package final class PackedMatrix: Sendable {
    package let inputs: Int
    package let outputs: Int
    /// The precision of the stored weights: float16 for a full-precision matrix that float16 holds exactly.
    package let storage: WeightPrecision
    let hasBias: Bool
    let weights: AlignedBuffer  // in the kernels' layout, whatever the precision
    let scales: AlignedBuffer  // (outputs), of 8-bit weights; else empty
    let bias: AlignedBuffer

    /// - Parameters:
    ///   - rows: `outputs` x `inputs` values, row by row.
    ///   - bias: `outputs` values; nil for zeros.
    package init(rows: [Float], bias: [Float]?, inputs: Int, outputs: Int, precision: WeightPrecision = .float32) {
        precondition(rows.count == inputs * outputs, "a matrix has inputs x outputs values")
        precondition(bias.map { $0.count == outputs } ?? true, "a bias has a value for every output")
        self.inputs = inputs
        self.outputs = outputs
        self.hasBias = bias != nil
        let halves = precision == .float32 ? Self.halves(rows) : nil
        storage = halves == nil ? precision : .float16
        var scales: [Float] = []
        switch precision {
        case .float32:
            weights =
                halves.map { Kernels.pack($0, inputs: inputs, outputs: outputs) }
                ?? Kernels.pack(rows, inputs: inputs, outputs: outputs)
        case .float16:
            // A number beyond the range of half precision becomes the largest one in it.
            let largest = Float(Float16.greatestFiniteMagnitude)
            let halves = rows.map { Float16(max(-largest, min($0, largest))).bitPattern }
            weights = Kernels.pack(halves, inputs: inputs, outputs: outputs)
        case .int8:
            scales = (0..<outputs).map { output in
                rows[output * inputs..<(output + 1) * inputs].reduce(0) { max($0, abs($1)) } / 127
            }
            weights = Kernels.pack(rows, inputs: inputs, outputs: outputs, scales: scales)
        }
        self.scales = AlignedBuffer(scales)
        self.bias = AlignedBuffer(bias ?? [])
    }

    /// Returns the bit patterns of the values in half precision, or nil if it does not hold all of them exactly.
    private static func halves(_ values: [Float]) -> [UInt16]? {
        var halves: [UInt16] = []
        halves.reserveCapacity(values.count)
        for value in values {
            guard let half = value.exactHalf else { return nil }
            halves.append(half)
        }
        return halves
    }
}

/// A constant matrix whose rows are zero outside a range: a filter bank.
package final class BandedMatrix: Sendable {
    package let inputs: Int
    package let outputs: Int
    let weights: AlignedBuffer
    let starts: [Int]
    let counts: [Int]

    /// Floats that a product writes: the number of outputs rounded up to whole vectors.
    package var paddedOutputs: Int { starts.count * Kernels.lanes }

    /// - Parameter rows: one for each output, with a value for every input.
    package init(rows: [[Float]], inputs: Int) {
        precondition(rows.allSatisfy { $0.count == inputs }, "a filter has a weight for every input")
        var starts: [Int] = []
        var counts: [Int] = []
        var packed: [Float] = []
        for first in stride(from: 0, to: rows.count, by: Kernels.lanes) {
            let panel = rows[first..<min(first + Kernels.lanes, rows.count)]
            let used = (0..<inputs).filter { input in panel.contains { $0[input] != 0 } }
            let range = (used.first ?? 0)..<(used.last ?? -1) + 1
            starts.append(range.lowerBound)
            counts.append(range.count)
            for input in range {
                packed += panel.map { $0[input] }
                packed += [Float](repeating: 0, count: Kernels.lanes - panel.count)
            }
        }
        self.inputs = inputs
        self.outputs = rows.count
        self.weights = AlignedBuffer(packed)
        self.starts = starts
        self.counts = counts
    }
}

/// A constant 3 x 3 filter over (time, band) for each channel, with its bias.
package final class DepthwiseFilter: Sendable {
    let weights: ConstantVector  // (9, channels)
    let bias: ConstantVector

    /// - Parameters:
    ///   - rows: for each channel 3 times (the oldest first) of 3 bands.
    ///   - bias: a value for each channel.
    package init(rows: [Float], bias: [Float]) {
        precondition(rows.count == 9 * bias.count, "a channel has 3 x 3 weights and a bias")
        weights = ConstantVector((0..<9).flatMap { tap in bias.indices.map { rows[9 * $0 + tap] } })
        self.bias = ConstantVector(bias)
    }
}

/// Constant floats, such as the weights of a layer norm.
package final class ConstantVector: Sendable {
    package let count: Int
    package let values: AlignedBuffer

    package init(_ values: [Float]) {
        count = values.count
        self.values = AlignedBuffer(values)
    }

    package subscript(index: Int) -> Float { values[index] }
}

extension Float {
    /// Its bit pattern in half precision (IEEE 754 binary16), or nil if that does not hold it exactly. Converting to
    /// half and back would be slow on processors without that instruction.
    fileprivate var exactHalf: UInt16? {
        let (size, sign) = (magnitude, UInt16(bitPattern >> 16) & 0x8000)
        if size >= 0x1p-14 {
            // An exponent of 8 bits becomes one of 5, and 13 of the 23 bits of the fraction must be zero.
            guard size <= 65504, bitPattern & 0x1FFF == 0 else { return nil }
            return sign | UInt16((size.bitPattern >> 13) - (112 << 10))
        }
        // Smaller numbers are multiples of the smallest one.
        let multiple = size * 0x1p24
        guard multiple == multiple.rounded(.towardZero) else { return nil }
        return sign | UInt16(multiple)
    }
}
