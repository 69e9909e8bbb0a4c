internal import Kernels

/// Frames to tokens, one frame at a time. Weights only; a stream's columns are in ``StemState``.
struct Stem: Sendable {
    let mean: ConstantVector  // (B)
    let scale: ConstantVector  // (B)
    let layers: [CausalConvolution]
    let projection: PackedMatrix  // the last layer's column, or the frames of a token -> D
    let framesPerToken: Int
    private let inputWidth: Int

    init(_ configuration: ModelConfiguration, from tensors: inout TensorReader) throws(ModelError) {
        inputWidth = configuration.inputWidth
        framesPerToken = configuration.stem.framesPerToken
        mean = ConstantVector(try tensors.take("input.mean", inputWidth))
        scale = ConstantVector(try tensors.take("input.scale", inputWidth))
        let width = configuration.encoder.width
        switch configuration.stem {
        case .linear(let frames):
            layers = []
            projection = try AffineRows("stem.projection", width, frames * inputWidth, from: &tensors).packed
        case .convolution(let shapes):
            var layers: [CausalConvolution] = []
            var (bands, channels) = (inputWidth, 1)
            for (index, shape) in shapes.enumerated() {
                let layer = try CausalConvolution(index, shape, bands: bands, channels: channels, from: &tensors)
                (bands, channels) = (layer.outputBands, layer.outputChannels)
                layers.append(layer)
            }
            self.layers = layers
            projection = try AffineRows("stem.projection", width, bands * channels, from: &tensors)
                .bandsFirst(bands: bands, channels: channels).packed
        }
    }

    /// Takes in one frame.
    /// - Parameter frame: index of the frame in the stream.
    /// - Returns: whether it completed a token, then in `token` (D) from `start` on.
    func advance(
        _ frame: Int64, _ state: inout StemState, kernels: Kernels, into token: inout AlignedBuffer, at start: Int
    ) -> Bool {
        guard !layers.isEmpty else {
            let place = Int(frame % Int64(framesPerToken))
            kernels.standardize(
                state.input, offset: mean, scale: scale, into: &state.column, at: place * inputWidth)
            guard place == framesPerToken - 1 else { return false }
            kernels.affine(projection, state.column, into: &token, at: start)  // (F * B) -> (D)
            return true
        }
        kernels.standardize(state.input, offset: mean, scale: scale, into: &state.column)  // (B, 1)
        var index = frame
        for (layer, start) in zip(layers, state.starts) {
            layer.store(state.column, column: index, at: start, in: &state.columns)
            guard (index + 1) % Int64(layer.timeStride) == 0 else { return false }
            layer.convolve(
                state.columns, newest: index, at: start, kernels: kernels, through: &state.filtered,
                into: &state.column)
            index = index / Int64(layer.timeStride)
        }
        kernels.affine(projection, state.column, into: &token, at: start)  // (bands * C) -> (D)
        return true
    }
}

/// What a stream keeps of its frames: the last three columns of every convolution's input.
struct StemState: ~Copyable {
    var input: AlignedBuffer  // (B)
    var columns: AlignedBuffer  // per layer: (3, bands + 2, channels), the bands' padding included
    var column: AlignedBuffer  // between layers: the newest column; of a linear stem the token's frames so far
    var filtered: AlignedBuffer  // inside a separable convolution: its depthwise part's output
    let starts: [Int]

    init(_ stem: Stem, inputWidth: Int) {
        var starts: [Int] = []
        var total = 0
        for layer in stem.layers {
            starts.append(total)
            total += 3 * layer.columnCount
        }
        self.starts = starts
        input = AlignedBuffer(count: inputWidth)
        columns = AlignedBuffer(count: total)
        // A convolution keeps frames in `columns`; only a linear stem, whose weights are as many, gathers them here.
        let frames = stem.layers.isEmpty ? stem.framesPerToken : 1
        let largest = stem.layers.map { $0.outputBands * $0.outputChannels }.max() ?? 0
        column = AlignedBuffer(count: max(largest, frames * inputWidth))
        filtered = AlignedBuffer(count: stem.layers.map(\.filteredCount).max() ?? 0)
    }

    var bytes: Int { 4 * (input.count + columns.count + column.count + filtered.count) }

    mutating func reset() {
        columns.fill(0)
        column.fill(0)
    }

    func snapshot(to writer: inout SnapshotWriter) {
        writer.write(columns)
        writer.write(column)
    }

    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try reader.read(into: &columns)
        try reader.read(into: &column)
    }
}

extension AffineRows {
    /// From inputs in the order (channel, band) to (band, channel), in which columns are kept.
    func bandsFirst(bands: Int, channels: Int) -> AffineRows {
        var result = self
        for row in bias.indices {
            for channel in 0..<channels {
                for band in 0..<bands {
                    result.weights[row * inputs + band * channels + channel] =
                        weights[row * inputs + channel * bands + band]
                }
            }
        }
        return result
    }
}
