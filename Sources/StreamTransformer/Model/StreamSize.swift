/// An estimate of the memory that a configuration needs, before anything is allocated. Model files are untrusted input.
struct StreamSize {
    /// Approximate bytes of a stream.
    let bytes: Double
    /// Approximate bytes of the weights that are computed from the landmarks.
    let foldedBytes: Double

    /// Largest permitted size, 1 GiB.
    static let largest = 0x1p30

    init(_ encoder: EncoderConfiguration) {
        let (n, d, layers) = (Double(encoder.window), Double(encoder.width), Double(encoder.layers))
        let rows = Double(encoder.heads) * Double(encoder.attention.landmarks ?? 0)
        let inverses = rows * Double(encoder.attention.landmarks ?? 0)
        let aggregate = rows * Double(encoder.headWidth) + 2 * rows
        let sums = n * (rows + d) + (2 * n.squareRoot() + 8) * aggregate
        let moving = sums + n * (d + 2 * Double(encoder.heads)) + 2 * rows * Double(encoder.headWidth) + inverses
        let hasWindow = encoder.layerFlows.contains { $0.attended == .window || $0.input == .window }
        // The rows of a window in a layer, and the tokens from which they are computed.
        let rowsInFlight = hasWindow ? n * (6 * d + 2 * rows + Double(encoder.feedForward) + layers * d) : 0
        let layer =
            switch encoder.attention {
            case .full: 2 * n * d
            case .nystromformer: aggregate + inverses
            case .continual: 2 * n * (d + (hasWindow ? d + 2 * Double(encoder.heads) : 0))
            case .continualNystrom(_, .fixed, _): sums + (hasWindow ? n * rows : 0)
            case .continualNystrom(_, .continual, _): moving + (hasWindow ? n * (rows + d) : 0)
            }
        bytes = 4 * (layers * layer + rowsInFlight)
        foldedBytes = 4 * layers * (inverses + (encoder.attention.hasFixedLandmarks ? 2 * rows * d : 0))
    }
}

extension ModelConfiguration {
    /// Approximate bytes of a stream outside the encoder's layers: the stem, the pooled contexts, and a step's buffers.
    var stemBytes: Double {
        var floats = Double(stem.framesPerToken) * Double(inputWidth)
        if case .convolution(let layers) = stem {
            var (bands, channels) = (inputWidth, 1)
            for layer in layers {
                floats += 3 * Double(bands + 2) * Double(channels)
                let filtered = layer.isSeparable ? Double(layer.outputBands(bands)) * Double(channels) : 0
                (bands, channels) = (layer.outputBands(bands), layer.channels)
                floats += Double(bands) * Double(channels) + filtered
            }
        }
        floats += Double(pooledContexts) * Double(encoder.width)
        floats += 6 * Double(encoder.width) + Double(encoder.feedForward) + Double(labels.count)
        return 4 * floats
    }
}
