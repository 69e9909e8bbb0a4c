internal import Kernels

/// Buffers of one step; nothing in them outlives it. R is the number of rows on their way through a layer: of streams that are stepped
/// together, or of a window that is computed anew.
struct Workspace: ~Copyable {
    var token: AlignedBuffer  // (R, D), the residual stream
    var normed: AlignedBuffer  // (R, D)
    var projected: AlignedBuffer  // (R, P): q, k, v (3 D); or beta, Delta (2 H m) and v (D)
    var context: AlignedBuffer  // (R, D)
    var hidden: AlignedBuffer  // (R, F)
    var logits: AlignedBuffer  // (R, labels), of streams
    /// R at the moment.
    var rows = 1
    /// Whether they are a window's.
    var holdsWindow = false

    init(_ configuration: ModelConfiguration, streams: Int = 1) {
        let encoder = configuration.encoder
        let rows = max(streams, encoder.keepsWindowRows ? encoder.window : 1)
        token = AlignedBuffer(count: rows * encoder.width)
        normed = AlignedBuffer(count: rows * encoder.width)
        projected = AlignedBuffer(count: rows * encoder.projectionWidth)
        context = AlignedBuffer(count: rows * encoder.width)
        hidden = AlignedBuffer(count: rows * encoder.feedForward)
        logits = AlignedBuffer(count: streams * configuration.labels.count)
    }

    var bytes: Int {
        4 * (token.count + normed.count + projected.count + context.count + hidden.count + logits.count)
    }
}

extension EncoderConfiguration {
    /// P, what attention needs of a token: q, k and v; or, with fixed landmarks, beta's and Delta's scores, and v.
    var projectionWidth: Int {
        attention.hasFixedLandmarks ? 2 * heads * (attention.landmarks ?? 0) + width : 3 * width
    }

    /// Whether a layer computes all rows of the window.
    var keepsWindowRows: Bool { layerFlows.contains { $0 != .singleOutput } }
}
