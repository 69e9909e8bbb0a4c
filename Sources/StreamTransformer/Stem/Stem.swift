internal import Kernels

/// The weights of the map from frames to tokens. A stream's frames and columns are in ``StemState``.
struct Stem: Sendable {
    let mean: ConstantVector  // (B)
    let scale: ConstantVector  // (B)
    let layers: [CausalConvolution]
    private let starts: [Int]  // start of each layer's columns among a stream's, and their end
    let projection: PackedMatrix  // the last layer's column, or the frames of a token -> D
    let framesPerToken: Int
    let inputWidth: Int

    /// Number of streams that go through a layer together: many, so that its weights are read rarely, and few enough
    /// that their columns stay in the cache.
    static let largestGroup = 8

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
        var starts = [0]
        for layer in layers { starts.append(starts[starts.count - 1] + 3 * layer.columnCount) }
        self.starts = starts
    }

    /// Floats of a stream's columns.
    var keptColumnsCount: Int { starts[layers.count] }

    /// Floats of a stream between the layers: a column, or the frames of a linear stem's token.
    var columnCount: Int {
        layers.isEmpty
            ? framesPerToken * inputWidth
            : layers.reduce(inputWidth) { max($0, $1.outputBands * $1.outputChannels) }
    }

    /// Floats of a stream inside a separable convolution.
    var filteredCount: Int { layers.reduce(0) { max($0, $1.filteredCount) } }

    /// Stores a stream's frame `index`.
    /// - Returns: true if the frames of its token are complete.
    func keep(_ frame: Span<Float>, index: Int64, in state: inout StemState) -> Bool {
        let slot = Int(index % Int64(framesPerToken))
        state.frames.copy(frame, to: slot * inputWidth)
        return slot == framesPerToken - 1
    }

    /// Computes the tokens of streams whose frames are complete: (R, D) in `w.token`.
    ///
    /// Streams go through a layer in groups, in one product if their columns lie side by side, so that the weights are
    /// read once for several of them. The token of each stream is bit for bit the same as alone.
    func encode<Group: StreamGroup & ~Copyable>(_ streams: inout Group, _ w: inout Workspace, kernels: Kernels) {
        for first in stride(from: 0, to: streams.ready, by: Self.largestGroup) {
            let group = first..<min(first + Self.largestGroup, streams.ready)
            for frame in 0..<framesPerToken { advance(frame, &streams, group, &w, kernels: kernels) }
            kernels.affine(projection, w.column, into: &w.token, at: first * projection.outputs, rows: group.count)
        }
    }

    /// Passes one frame of each token through the layers for which it completes a column.
    private func advance<Group: StreamGroup & ~Copyable>(
        _ frame: Int, _ streams: inout Group, _ group: Range<Int>, _ w: inout Workspace, kernels: Kernels
    ) {
        // A linear stem takes all frames of a token at once; a convolution stores the columns that it needs of earlier
        // frames.
        let (pitch, offset) = layers.isEmpty ? (framesPerToken * inputWidth, frame * inputWidth) : (inputWidth, 0)
        for stream in group {
            streams.withMemory(stream) { memory in
                kernels.standardize(
                    memory.stem.frames, from: frame * inputWidth, offset: mean, scale: scale, into: &w.column,
                    at: (stream - group.lowerBound) * pitch + offset)
            }
        }
        var stride = 1  // frames of a column
        for (layer, start) in zip(layers, starts) {
            // The stream's column that ends with this frame.
            let column = { (memory: borrowing StreamMemory) in
                (memory.frames - Int64(framesPerToken - frame)) / Int64(stride)
            }
            for stream in group {
                streams.withMemory(stream) { memory in
                    layer.store(
                        w.column, row: stream - group.lowerBound, column: column(memory), at: start,
                        in: &memory.stem.columns)
                }
            }
            guard (frame + 1).isMultiple(of: stride * layer.timeStride) else { return }
            for stream in group {
                streams.withMemory(stream) { memory in
                    layer.filter(
                        memory.stem.columns, newest: column(memory), at: start, kernels: kernels, through: &w.filtered,
                        into: &w.column, row: stream - group.lowerBound)
                }
            }
            layer.combine(w.filtered, into: &w.column, rows: group.count, kernels: kernels)
            stride *= layer.timeStride
        }
    }
}

/// The frames of a stream's current token, and the last three input columns of every convolution.
struct StemState: ~Copyable, BufferList {
    var frames: AlignedBuffer  // (framesPerToken, B), before normalisation
    var columns: AlignedBuffer  // per layer: (3, bands + 2, channels), the bands' padding included

    init(_ stem: Stem) {
        frames = AlignedBuffer(count: stem.framesPerToken * stem.inputWidth)
        columns = AlignedBuffer(count: stem.keptColumnsCount)
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(frames)
        try visitor.visit(columns)
    }
}

extension AffineRows {
    /// Returns the map with its inputs (channel, band) in the order (band, channel) of stored columns.
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
