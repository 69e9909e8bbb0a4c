/// The tokens of the window that pass through a layer: only the newest with attention from a memory, all of them if the
/// window is recomputed.
struct LayerFlow: Sendable, Equatable {
    enum Rows: Sendable { case newest, window }

    /// Rows from which the layer's projections are computed.
    let input: Rows
    /// Rows that attend and pass through the feed-forward part.
    let attended: Rows
    /// Rows that the next layer gets.
    let output: Rows

    /// Attention from a memory: one token in, one out.
    static let singleOutput = LayerFlow(input: .newest, attended: .newest, output: .newest)
    /// One token in, and all of the window's rows change.
    static let retroactive = LayerFlow(input: .newest, attended: .window, output: .window)
    /// All rows are new, and only the newest one attends.
    static let closing = LayerFlow(input: .window, attended: .newest, output: .newest)
    /// All rows are recomputed from the tokens of the window.
    static let recomputed = LayerFlow(input: .window, attended: .window, output: .window)
    /// All rows are recomputed, and only the newest one leaves.
    static let recomputedLast = LayerFlow(input: .window, attended: .window, output: .newest)
}

extension EncoderConfiguration {
    /// Flow of every layer (docs/numerics.md, section 2).
    var layerFlows: [LayerFlow] {
        switch (attention.isContinual, depth) {
        case (true, .window) where layers == 2: [.retroactive, .closing]
        case (true, _): Array(repeating: .singleOutput, count: layers)
        case (false, .window): Array(repeating: .recomputed, count: layers - 1) + [.recomputedLast]
        case (false, .stream): Array(repeating: .recomputedLast, count: layers)
        }
    }
}
