internal import Kernels

/// A 3 x 3 convolution over (time, band), causal in time, with ReLU, one column at a time.
///
/// A column is stored as (band, channel), with the bands of zeros at its ends. The three bands under a filter are then
/// 3 x channels consecutive floats, so that nothing is gathered and nothing computed twice.
struct CausalConvolution: Sendable {
    let bands: Int
    let channels: Int
    let outputBands: Int
    let outputChannels: Int
    let timeStride: Int
    private let bandStride: Int
    /// Number of bands of zeros before the first one.
    private let leadingBands: Int
    private let filter: Filter

    private enum Filter: Sendable {
        /// A matrix for each column of the input, the oldest first, with a product for every output band. The first has
        /// the bias.
        case full([PackedMatrix])
        /// A filter for each channel, then a map of the channels in every band.
        case separable(DepthwiseFilter, PackedMatrix)
    }

    /// Floats of a stored column.
    var columnCount: Int { (bands + 2) * channels }
    /// Floats between the two parts of a separable convolution.
    var filteredCount: Int { if case .separable = filter { outputBands * channels } else { 0 } }

    init(
        _ index: Int, _ shape: StemConfiguration.ConvolutionLayer, bands: Int, channels: Int,
        from tensors: inout TensorReader
    ) throws(ModelError) {
        self.bands = bands
        self.channels = channels
        outputBands = shape.outputBands(bands)
        outputChannels = shape.channels
        timeStride = shape.timeStride
        bandStride = shape.bandStride
        leadingBands = shape.bandPadding == .symmetric ? 1 : 0
        let name = "stem.layers.\(index)"
        if shape.isSeparable {
            let depthwise = DepthwiseFilter(
                rows: try tensors.take("\(name).depthwise.weight", channels, 1, 3, 3),
                bias: try tensors.take("\(name).depthwise.bias", channels))
            let pointwise = PackedMatrix(
                rows: try tensors.take("\(name).pointwise.weight", shape.channels, channels, 1, 1),
                bias: try tensors.take("\(name).pointwise.bias", shape.channels), inputs: channels,
                outputs: shape.channels, precision: tensors.precision)
            filter = .separable(depthwise, pointwise)
        } else {
            let weight = try tensors.take("\(name).weight", shape.channels, channels, 3, 3)
            let bias = try tensors.take("\(name).bias", shape.channels)
            let precision = tensors.precision
            filter = .full((0..<3).map { Self.tap($0, weight, bias, inputs: channels, precision) })
        }
    }

    /// Returns the weights (output, input, time, band) of one time, as (output, band, input).
    private static func tap(
        _ time: Int, _ weight: [Float], _ bias: [Float], inputs: Int, _ precision: WeightPrecision
    ) -> PackedMatrix {
        var rows: [Float] = []
        for output in bias.indices {
            for band in 0..<3 {
                for input in 0..<inputs { rows.append(weight[((output * inputs + input) * 3 + time) * 3 + band]) }
            }
        }
        return PackedMatrix(
            rows: rows, bias: time == 0 ? bias : nil, inputs: 3 * inputs, outputs: bias.count, precision: precision)
    }

    /// Stores row `row` of `input`, a column (bands, channels), as the stream's column `index`.
    func store(
        _ input: borrowing AlignedBuffer, row: Int, column index: Int64, at start: Int,
        in columns: inout AlignedBuffer
    ) {
        let count = bands * channels
        columns.copy(input, from: row * count, count: count, to: slot(index, at: start) + leadingBands * channels)
    }

    /// Computes the first part of a stream's output column from its three columns up to `newest`: row `row` of
    /// `output`, complete but for the activation; or, in a separable convolution, row `row` of `filtered`, the filter
    /// of each channel.
    func filter(
        _ columns: borrowing AlignedBuffer, newest: Int64, at start: Int, kernels: Kernels,
        through filtered: inout AlignedBuffer, into output: inout AlignedBuffer, row: Int
    ) {
        switch filter {
        case .full(let taps):
            for (time, tap) in taps.enumerated() {
                kernels.affine(
                    tap, columns, from: slot(newest + 1 + Int64(time), at: start), into: &output,
                    at: row * outputBands * outputChannels, accumulate: time > 0, rows: outputBands,
                    inputStride: bandStride * channels, outputStride: outputChannels)
            }
        case .separable(let depthwise, _):
            kernels.depthwise(
                depthwise, columns, oldest: slot(newest + 1, at: start), middle: slot(newest + 2, at: start),
                newest: slot(newest, at: start), bandStride: bandStride, bands: outputBands,
                into: &filtered, at: row * filteredCount)  // (outputBands, channels)
        }
    }

    /// Computes the second part for several streams: (rows, outputBands, outputChannels).
    func combine(
        _ filtered: borrowing AlignedBuffer, into output: inout AlignedBuffer, rows: Int, kernels: Kernels
    ) {
        if case .separable(_, let pointwise) = filter {
            kernels.affine(pointwise, filtered, into: &output, rows: rows * outputBands)
        }
        kernels.relu(&output, count: rows * outputBands * outputChannels)
    }

    /// Returns the start of the stream's column `index`, in one of three slots in turn, so that the next column
    /// overwrites the oldest.
    private func slot(_ index: Int64, at start: Int) -> Int { start + Int(index % 3) * columnCount }
}
