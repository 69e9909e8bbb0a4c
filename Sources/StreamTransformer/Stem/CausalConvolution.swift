internal import Kernels

/// A 3 x 3 convolution over (time, band), causal in time, with ReLU, one column at a time.
///
/// A column is kept as (band, channel) with a band of zeros on either side, so that the three bands under the kernel are one run of
/// 3 x channels floats, and the convolution is three matrix products (one a column) with a row for every output band. Nothing is
/// gathered and nothing computed twice.
struct CausalConvolution: Sendable {
    let bands: Int
    let channels: Int
    let outputBands: Int
    let outputChannels: Int
    let timeStride: Int
    let bandStride: Int
    /// Oldest column first; the bias is in the first one.
    private let taps: [PackedMatrix]

    /// Floats of a kept column.
    var columnCount: Int { (bands + 2) * channels }

    init(
        _ index: Int, _ shape: StemConfiguration.ConvolutionLayer, bands: Int, channels: Int,
        from tensors: inout TensorReader
    ) throws(ModelError) {
        self.bands = bands
        self.channels = channels
        outputBands = (bands + shape.bandStride - 1) / shape.bandStride
        outputChannels = shape.channels
        timeStride = shape.timeStride
        bandStride = shape.bandStride
        let weight = try tensors.take("stem.layers.\(index).weight", shape.channels, channels, 3, 3)
        let bias = try tensors.take("stem.layers.\(index).bias", shape.channels)
        taps = (0..<3).map { time in
            var rows: [Float] = []
            for output in 0..<shape.channels {
                for band in 0..<3 {
                    for input in 0..<channels {
                        rows.append(weight[((output * channels + input) * 3 + time) * 3 + band])
                    }
                }
            }
            return PackedMatrix(
                rows: rows, bias: time == 0 ? bias : nil, inputs: 3 * channels, outputs: shape.channels)
        }
    }

    /// Keeps `column` (bands, channels), the stream's column `index`.
    func store(_ column: borrowing AlignedBuffer, column index: Int64, at start: Int, in columns: inout AlignedBuffer) {
        let slot = start + Int(index % 3) * columnCount
        columns.copy(column, from: 0, count: bands * channels, to: slot + channels)
    }

    /// The output column (outputBands, outputChannels) over the three columns up to `newest`.
    func convolve(
        _ columns: borrowing AlignedBuffer, newest: Int64, at start: Int, kernels: Kernels,
        into output: inout AlignedBuffer
    ) {
        for (time, tap) in taps.enumerated() {
            let slot = start + Int((newest + 1 + Int64(time)) % 3) * columnCount
            kernels.affine(
                tap, columns, from: slot, into: &output, accumulate: time > 0, rows: outputBands,
                inputStride: bandStride * channels, outputStride: outputChannels)
        }
        kernels.relu(&output, count: outputBands * outputChannels)
    }
}
