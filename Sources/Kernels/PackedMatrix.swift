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
        self.format = format
        self.hasBias = bias != nil
        switch format {
        case .single:
            weights = Kernels.pack(rows, inputs: inputs, outputs: outputs)
            scales = AlignedBuffer(count: 0)
        case .half:
            weights = Kernels.pack(half: rows, inputs: inputs, outputs: outputs)
            scales = AlignedBuffer(count: 0)
        case .integer:
            let units = (0..<outputs).map { output in
                rows[output * inputs..<(output + 1) * inputs].reduce(0) { max($0, abs($1)) } / 127
            }
            weights = Kernels.pack(rows, inputs: inputs, outputs: outputs, units: units)
            scales = AlignedBuffer(units)
        }
        self.bias = AlignedBuffer(bias ?? [])
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
