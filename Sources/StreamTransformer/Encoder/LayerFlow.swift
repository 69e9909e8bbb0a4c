/// Which tokens of the window pass a layer: with attention from a memory only the newest; where a window is computed anew, all of them.
struct LayerFlow: Sendable, Equatable {
    enum Rows: Sendable { case newest, window }

    /// What the layer's projections are computed of.
    let input: Rows
    /// What attends, and goes on to the feed-forward part.
    let attended: Rows
    /// What the next layer gets.
    let output: Rows

    /// Attention from a memory: one token in, one out.
    static let singleOutput = LayerFlow(input: .newest, attended: .newest, output: .newest)
    /// One token in, and all of the window's rows change.
    static let retroactive = LayerFlow(input: .newest, attended: .window, output: .window)
    /// All rows are new, but only the newest is wanted.
    static let closing = LayerFlow(input: .window, attended: .newest, output: .newest)
    /// Nothing is kept of earlier tokens but the tokens themselves.
    static let recomputed = LayerFlow(input: .window, attended: .window, output: .window)
    static let recomputedLast = LayerFlow(input: .window, attended: .window, output: .newest)
}

extension EncoderConfiguration {
    /// The flow of every layer (docs/numerics.md, section 2).
    var layerFlows: [LayerFlow] {
        switch (attention.isContinual, depth) {
        case (true, .window) where layers == 2: [.retroactive, .closing]
        case (true, _): Array(repeating: .singleOutput, count: layers)
        case (false, .window): Array(repeating: .recomputed, count: layers - 1) + [.recomputedLast]
        case (false, .stream): Array(repeating: .recomputedLast, count: layers)
        }
    }
}
