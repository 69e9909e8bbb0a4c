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
        guard try keep(frame, &s.memory) else { return false }
        encode(&s.memory, &s.workspace)
        return true
    }

    /// Keeps a frame for its token.
    /// - Returns: whether the token's frames are complete, so that it can be encoded.
    func keep(_ frame: Span<Float>, _ memory: inout StreamMemory) throws(ModelError) -> Bool {
        try check(frame, memory.frames)
        memory.frames += 1
        guard stem.keep(frame, index: memory.frames - 1, in: &memory.stem) else { return false }
        memory.tokens += 1
        return true
    }

    /// The frames of the newest tokens, one a stream, through the stem and all layers, to their logits.
    func encode<Group: StreamGroup & ~Copyable>(_ streams: inout Group, _ w: inout Workspace) {
        let k = kernels
        (w.rows, w.holdsWindow) = (streams.ready, false)  // R = streams, or the window of the only one
        stem.encode(&streams, &w, kernels: k)  // (R, frames, B) -> (R, D)
        addPosition(&streams, &w)  // (R, D)
        for (index, layer) in layers.enumerated() {
            show(flows[index].input, index, &streams, &w)  // (R, D)
            normalize(layer.attentionNorm, when: .pre, &w)  // (R, D)
            k.affine(layer.projection, w.normed, into: &w.projected, rows: w.rows)  // -> q, k, v; or beta, Delta, v
            attend(index, layer, &streams, &w)  // (R, D)
            show(flows[index].attended, index, &streams, &w)  // (R, D)
            k.affine(layer.output, w.context, into: &w.token, accumulate: true, rows: w.rows)  // (R, D)
            normalize(layer.attentionNorm, when: .post, &w)  // (R, D)

            normalize(layer.feedForwardNorm, when: .pre, &w)  // (R, D)
            k.affine(layer.expand, w.normed, into: &w.hidden, rows: w.rows)  // (R, D) -> (R, F)
            activate(&w)  // (R, F)
            k.affine(layer.contract, w.hidden, into: &w.token, accumulate: true, rows: w.rows)  // (R, F) -> (R, D)
            normalize(layer.feedForwardNorm, when: .post, &w)  // (R, D)
            show(flows[index].output, index, &streams, &w)  // (R, D)
        }
        normalize(finalNorm, when: .pre, &w)  // (R, D)
        average(&streams, &w)  // (R, D)
        k.affine(head, w.normed, into: &w.logits, rows: w.rows)  // (R, D) -> (R, labels)
    }

    /// Where tokens have a position of their own, which repeats after a period.
    private func addPosition<Group: StreamGroup & ~Copyable>(_ streams: inout Group, _ w: inout Workspace) {
        guard let period else { return }
        for row in 0..<streams.ready {
            streams.withMemory(row) { memory in
                let place = Int((memory.tokens - 1) % Int64(period))
                kernels.add(
                    position, from: place * encoder.width, count: encoder.width, to: &w.token, at: row * encoder.width)
            }
        }
    }

    /// Attention of every stream from its own memory.
    private func attend<Group: StreamGroup & ~Copyable>(
        _ index: Int, _ layer: LayerWeights, _ streams: inout Group, _ w: inout Workspace
    ) {
        let rows = w.rows
        for row in 0..<streams.ready {
            streams.withMemory(row) { memory in
                memory.attention.attend(
                    w.projected, row: row, rows: rows, layer, layer: index, position: memory.tokens - 1,
                    kernels: kernels, into: &w.context)
            }
        }
    }

    /// In its place, the mean of every stream's newest contexts.
    private func average<Group: StreamGroup & ~Copyable>(_ streams: inout Group, _ w: inout Workspace) {
        guard configuration.averagedContexts > 1 else { return }
        for row in 0..<streams.ready {
            streams.withMemory(row) { $0.average.replace(&w.normed, row: row, position: $0.tokens - 1) }
        }
    }

    /// Goes from the newest token to all of the window's, which the layer's history keeps, or back to the newest alone. Only a
    /// stream that is stepped alone has a window of rows.
    private func show<Group: StreamGroup & ~Copyable>(
        _ wanted: LayerFlow.Rows, _ index: Int, _ streams: inout Group, _ w: inout Workspace
    ) {
        switch (wanted, w.holdsWindow) {
        case (.newest, false), (.window, true): return
        case (.newest, true):
            let newest = (w.rows - 1) * encoder.width
            w.token.move(newest..<newest + encoder.width, to: 0)
            w.rows = 1
        case (.window, false):
            streams.withMemory(0) { memory in
                w.rows = memory.history.unroll(&w.token, layer: index, position: memory.tokens - 1)
            }
        }
        w.holdsWindow.toggle()
    }

    /// In its place, the layer norm of the tokens. A pre-norm model's sub-layers read `normed` and leave the tokens as they
    /// are; a post-norm model's tokens are normalised after each addition, and `normed` is a copy of them.
    private func normalize(_ norm: LayerWeights.LayerNorm?, when place: EncoderConfiguration.Norm, _ w: inout Workspace)
    {
        guard let norm, encoder.norm == place else {
            if place == .pre { w.normed.copy(w.token, from: 0, count: w.rows * encoder.width, to: 0) }
            return
        }
        kernels.layerNorm(w.token, weight: norm.weight, bias: norm.bias, epsilon: 1e-5, into: &w.normed, rows: w.rows)
        if place == .post { w.token.copy(w.normed, from: 0, count: w.rows * encoder.width, to: 0) }
    }

    private func activate(_ w: inout Workspace) {
        switch encoder.activation {
        case .relu: kernels.relu(&w.hidden, count: w.rows * encoder.feedForward)
        case .gelu: kernels.gelu(&w.hidden, count: w.rows * encoder.feedForward)
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
