internal import Kernels

extension Model {
    /// The whole forward pass: one frame in, and with every `framesPerToken`-th frame a token's logits out.
    ///
    /// - Parameters:
    ///   - frame: `inputWidth` features, before normalisation.
    ///   - s: the stream; its logits are new where the result is true.
    /// - Returns: whether the frame completed a token.
    /// - Throws: ``ModelError`` `nonFinite`, with the state as it was, where a feature is not a number of the model's range.
    public func step(_ frame: Span<Float>, _ s: inout StreamState) throws(ModelError) -> Bool {
        try check(frame, s.frames)
        s.stem.input.copy(frame)
        s.frames += 1
        let k = kernels
        guard stem.advance(s.frames - 1, &s.stem, kernels: k, into: &s.workspace.token) else { return false }

        let (t, d) = (s.tokens, encoder.width)
        s.tokens += 1
        if let period { k.add(position, from: Int(t % Int64(period)) * d, count: d, to: &s.workspace.token) }  // (D)
        for (index, layer) in layers.enumerated() {
            normalize(layer.attentionNorm, when: .pre, &s.workspace)  // (D)
            k.affine(layer.projection, s.workspace.normed, into: &s.workspace.projected)  // -> beta, Delta, v
            s.memory.attend(
                s.workspace.projected, inverse: layer.inverse, layer: index, position: t, kernels: k,
                into: &s.workspace.context)  // (D)
            k.affine(layer.output, s.workspace.context, into: &s.workspace.token, accumulate: true)  // (D)
            normalize(layer.attentionNorm, when: .post, &s.workspace)  // (D)

            normalize(layer.feedForwardNorm, when: .pre, &s.workspace)  // (D)
            k.affine(layer.expand, s.workspace.normed, into: &s.workspace.hidden)  // (D) -> (F)
            activate(&s.workspace.hidden)  // (F)
            k.affine(layer.contract, s.workspace.hidden, into: &s.workspace.token, accumulate: true)  // (F) -> (D)
            normalize(layer.feedForwardNorm, when: .post, &s.workspace)  // (D)
        }
        if let finalNorm { normalize(finalNorm, when: .pre, &s.workspace) }  // (D)
        k.affine(head, s.workspace.normed, into: &s.logits)  // (D) -> (labels)
        return true
    }

    /// In its place, the layer norm of the token. A pre-norm model's sub-layers read `normed` and leave the token as it
    /// is; a post-norm model's token is normalised after each addition, and `normed` is a copy of it.
    private func normalize(_ norm: LayerWeights.LayerNorm, when place: EncoderConfiguration.Norm, _ w: inout Workspace)
    {
        switch (encoder.norm, place) {
        case (.pre, .pre):
            kernels.layerNorm(w.token, weight: norm.weight, bias: norm.bias, epsilon: 1e-5, into: &w.normed)
        case (.post, .post):
            kernels.layerNorm(w.token, weight: norm.weight, bias: norm.bias, epsilon: 1e-5, into: &w.normed)
            w.token.copy(w.normed, from: 0, count: encoder.width, to: 0)
        case (.post, .pre): w.normed.copy(w.token, from: 0, count: encoder.width, to: 0)
        case (.pre, .post): break
        }
    }

    private func activate(_ hidden: inout AlignedBuffer) {
        switch encoder.activation {
        case .relu: kernels.relu(&hidden, count: encoder.feedForward)
        case .gelu: kernels.gelu(&hidden, count: encoder.feedForward)
        }
    }

    /// Refuses what would poison the state: once in a sliding sum, a number that is not one stays there.
    private func check(_ frame: Span<Float>, _ index: Int64) throws(ModelError) {
        guard frame.count == configuration.inputWidth else {
            throw ModelError(
                .nonFinite,
                "frame \(index) has \(frame.count) features, \(configuration.name) takes \(configuration.inputWidth)")
        }
        for band in frame.indices where !(abs(frame[band]) <= Self.largestFeature) {
            throw ModelError(
                .nonFinite,
                "frame \(index), feature \(band) is \(frame[band]): features must be finite and below \(Self.largestFeature)"
            )
        }
    }

    /// Far above any feature, and far enough below the largest float that no layer can overflow.
    private static let largestFeature: Float = 1e6
}
