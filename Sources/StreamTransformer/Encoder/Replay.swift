/// A stream that begins in the middle of a recording, so that its parts can be encoded at the same time.
///
/// An output depends on the tokens of the windows alone, and on their positions, by which blocks and segments are
/// divided. A stream that takes enough tokens at their true positions therefore reaches, bit for bit, the state of the
/// stream that began with the recording.
extension Model {
    /// Number of tokens before a position from which a stream that begins late has the state of the whole stream at
    /// that position; nil if the state depends on older tokens, too.
    ///
    /// A layer's sums cover its window and the blocks at both ends of it; landmarks that move are means of up to a
    /// segment more. The rows of a retroactive softmax layer are recomputed at times that depend on all tokens before.
    package var replayTokens: Int? {
        let window = encoder.window
        let blocks = 3 * BlockSchedule(window: window).block
        let layer: Int
        switch encoder.attention {
        case .continual where encoder.layerFlows.first == .retroactive: return nil
        case .full, .nystromformer, .continual: layer = window
        case .continualNystrom(_, .fixed, _): layer = window + blocks
        case .continualNystrom(let landmarks, .continual, _): layer = window + blocks + window / landmarks
        }
        // A column of a convolution depends on two columns before it, of at most a token each.
        return encoder.layers * layer + 2 * stem.layers.count + configuration.pooledContexts + 1
    }

    /// Takes a frame of a late stream's past. The logits are not those of the whole stream.
    /// - Throws: ``ModelError`` `nonFinite`, if a feature is not finite or too large.
    package func replay(_ frame: Span<Float>, _ s: inout StreamState) throws(ModelError) {
        if try keep(frame, &s.memory) { encode(&s.memory, &s.workspace) }
    }
}
