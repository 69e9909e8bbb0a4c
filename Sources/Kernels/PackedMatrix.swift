/// A constant matrix in the kernels' layout, with its bias: y = W x + b.
package final class PackedMatrix: Sendable {
    package let inputs: Int
    package let outputs: Int
    package let format: Format
    let hasBias: Bool
    let weights: AlignedBuffer  // in the kernels' layout, whatever the format
    let scales: AlignedBuffer  // (outputs), of integers
    let bias: AlignedBuffer

    /// How a weight is kept.
    package enum Format: Sendable {
        /// As it is: in half precision where that holds all weights of the matrix exactly, which is the same sums of fewer bytes.
        case single
        /// Half precision: 11 bits of a weight.
        case half
        /// 8 bits, in units of a 127th of the largest weight of the same output.
        case integer
    }

    /// - Parameters:
    ///   - rows: `outputs` x `inputs` values, row by row.
    ///   - bias: `outputs` values, or none for zero.
    package init(rows: [Float], bias: [Float]?, inputs: Int, outputs: Int, format: Format = .single) {
        precondition(rows.count == inputs * outputs, "a matrix has inputs x outputs values")
        precondition(bias.map { $0.count == outputs } ?? true, "a bias has a value for every output")
        self.inputs = inputs
        self.outputs = outputs
        self.hasBias = bias != nil
        let halves = format == .single ? Self.halves(rows) : nil
        self.format = halves == nil ? format : .half
        var units: [Float] = []
        switch format {
        case .single:
            weights =
                halves.map { Kernels.pack($0, inputs: inputs, outputs: outputs) }
                ?? Kernels.pack(rows, inputs: inputs, outputs: outputs)
        case .half:
            // What half precision cannot hold becomes the largest number that it can.
            let largest = Float(Float16.greatestFiniteMagnitude)
            let halves = rows.map { Float16(max(-largest, min($0, largest))).bitPattern }
            weights = Kernels.pack(halves, inputs: inputs, outputs: outputs)
        case .integer:
            units = (0..<outputs).map { output in
                rows[output * inputs..<(output + 1) * inputs].reduce(0) { max($0, abs($1)) } / 127
            }
            weights = Kernels.pack(rows, inputs: inputs, outputs: outputs, units: units)
        }
        scales = AlignedBuffer(units)
        self.bias = AlignedBuffer(bias ?? [])
    }

    /// The bit patterns of the values in half precision, if it holds all of them exactly.
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

    /// Floats that a product writes: the outputs rounded up to whole vectors.
    package var paddedOutputs: Int { starts.count * Kernels.lanes }

    /// - Parameter rows: a row an output, each with a value for every input.
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
    ///   - rows: for each channel its 3 times (the oldest first) of 3 bands.
    ///   - bias: a value a channel.
    package init(rows: [Float], bias: [Float]) {
        precondition(rows.count == 9 * bias.count, "a channel has 3 x 3 weights and a bias")
        weights = ConstantVector((0..<9).flatMap { tap in bias.indices.map { rows[9 * $0 + tap] } })
        self.bias = ConstantVector(bias)
    }
}

/// Constant floats: a window, a mean, the weights of a layer norm.
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
    /// Its bit pattern in half precision, if that holds it exactly. (IEEE 754 binary16; by the bits, since the conversion and back is slow
    /// where processors do not have it.)
    fileprivate var exactHalf: UInt16? {
        let (size, sign) = (magnitude, UInt16(bitPattern >> 16) & 0x8000)
        if size >= 0x1p-14 {
            // An exponent of 8 bits becomes one of 5, and 13 of the 23 bits of the fraction must be zero.
            guard size <= 65504, bitPattern & 0x1FFF == 0 else { return nil }
            return sign | UInt16((size.bitPattern >> 13) - (112 << 10))
        }
        // Smaller numbers are multiples of the least.
        let multiple = size * 0x1p24
        guard multiple == multiple.rounded(.towardZero) else { return nil }
        return sign | UInt16(multiple)
    }
}
