/// An estimate of the memory that a configuration needs, before anything is allocated. Model files are untrusted input.
struct StreamSize {
    /// Approximate bytes of a stream.
    let bytes: Double
    /// Approximate bytes of the weights that are computed from the landmarks.
    let foldedBytes: Double

    /// Largest permitted size, 8 GiB.
    static let largest = 0x1p33

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
