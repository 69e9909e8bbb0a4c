internal import Kernels

/// Buffers of one step. R is the number of rows that pass through a layer: of streams that are stepped together, or of
/// a window that is recomputed.
struct Workspace: ~Copyable, BufferList {
    var column: AlignedBuffer  // of a group of streams: between the layers of the stem
    var filtered: AlignedBuffer  // of a group of streams: inside a separable convolution
    var token: AlignedBuffer  // (R, D), the residual stream
    var normed: AlignedBuffer  // (R, D)
    var projected: AlignedBuffer  // (R, P): q, k, v (3 D); or beta, Delta (2 H m) and v (D)
    var context: AlignedBuffer  // (R, D)
    var hidden: AlignedBuffer  // (R, F)
    var logits: AlignedBuffer  // (R, labels), of streams
    /// R, the current number of rows.
    var rows = 1
    /// Whether the rows are those of a window.
    var holdsWindow = false

    init(_ model: Model, streams: Int = 1) {
        let (configuration, encoder) = (model.configuration, model.encoder)
        let group = min(streams, Stem.largestGroup)
        column = AlignedBuffer(count: group * model.stem.columnCount)
        filtered = AlignedBuffer(count: group * model.stem.filteredCount)
        let rows = max(streams, encoder.keepsWindowRows ? encoder.window : 1)
        token = AlignedBuffer(count: rows * encoder.width)
        normed = AlignedBuffer(count: rows * encoder.width)
        projected = AlignedBuffer(count: rows * encoder.projectionWidth)
        context = AlignedBuffer(count: rows * encoder.width)
        hidden = AlignedBuffer(count: rows * encoder.feedForward)
        logits = AlignedBuffer(count: streams * configuration.labels.count)
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(column, .scratch)
        try visitor.visit(filtered, .scratch)
        try visitor.visit(token, .scratch)
        try visitor.visit(normed, .scratch)
        try visitor.visit(projected, .scratch)
        try visitor.visit(context, .scratch)
        try visitor.visit(hidden, .scratch)
        try visitor.visit(logits, .scratch)
    }
}

extension EncoderConfiguration {
    /// P, the projections of a token: q, k and v; or, with fixed landmarks, beta's scores, Delta's scores and v.
    var projectionWidth: Int {
        attention.hasFixedLandmarks ? 2 * heads * (attention.landmarks ?? 0) + width : 3 * width
    }

    /// The part of the projections that only the newest of a window's rows needs in the closing layer of a pair: q, or
    /// beta's scores. None if queries of all rows become landmarks.
    func newestProjectionWidth(_ flow: LayerFlow) -> Int {
        guard flow == .closing else { return 0 }
        guard let landmarks = attention.landmarks else { return width }
        return attention.hasFixedLandmarks ? heads * landmarks : 0
    }

    /// Whether a layer computes all rows of the window.
    var keepsWindowRows: Bool { layerFlows.contains { $0 != .singleOutput } }
}
