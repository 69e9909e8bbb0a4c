internal import Kernels

extension Model {
    /// Runs the whole forward pass: takes one frame, and computes the logits of a token with every `framesPerToken`-th
    /// frame.
    ///
    /// - Parameters:
    ///   - frame: `inputWidth` finite features, before normalisation, of at most 10^6 in size.
    ///   - s: the stream.
    /// - Returns: true if the frame completed a token, so that the stream has new logits.
    /// - Throws: ``ModelError`` `nonFinite`, with the state as it was, if a feature is not finite or too large;
    ///   `nonFiniteLogits` if a logit is not finite, after which the stream cannot go on.
    public func step(_ frame: Span<Float>, _ s: inout StreamState) throws(ModelError) -> Bool {
        guard try keep(frame, &s.memory) else { return false }
        encode(&s.memory, &s.workspace)
        guard s.workspace.logits.isFinite(0..<configuration.labels.count) else {
            throw nonFiniteLogits(s.memory.tokens - 1)
        }
        return true
    }

    /// Stores a frame until its token is encoded.
    /// - Returns: true if the frames of the token are complete.
    func keep(_ frame: Span<Float>, _ memory: inout StreamMemory) throws(ModelError) -> Bool {
        try check(frame, memory.frames)
        memory.frames += 1
        guard stem.keep(frame, index: memory.frames - 1, in: &memory.stem) else { return false }
        memory.tokens += 1
        return true
    }

    /// Encodes the newest token of each stream: its frames through the stem and all layers to logits.
    func encode<Group: StreamGroup & ~Copyable>(_ streams: inout Group, _ w: inout Workspace) {
        let k = kernels
        (w.rows, w.holdsWindow) = (streams.ready, false)  // R = streams, or the window of the only one
        stem.encode(&streams, &w, kernels: k)  // (R, frames, B) -> (R, D)
        addPosition(&streams, &w)  // (R, D)
        for (index, layer) in layers.enumerated() {
            selectRows(flows[index].input, index, &streams, &w)  // (R, D)
            normalize(layer.attentionNorm, when: .pre, &w)  // (R, D)
            project(layer, &w)  // (R, D) -> (R, P): q, k, v; or beta, Delta, v
            attend(index, layer, &streams, &w)  // (R, D)
            selectRows(flows[index].attended, index, &streams, &w)  // (R, D)
            k.affine(layer.output, w.context, into: &w.token, accumulate: true, rows: w.rows)  // (R, D)
            normalize(layer.attentionNorm, when: .post, &w)  // (R, D)

            normalize(layer.feedForwardNorm, when: .pre, &w)  // (R, D)
            k.affine(layer.expand, w.normed, into: &w.hidden, rows: w.rows)  // (R, D) -> (R, F)
            activate(&w)  // (R, F)
            k.affine(layer.contract, w.hidden, into: &w.token, accumulate: true, rows: w.rows)  // (R, F) -> (R, D)
            normalize(layer.feedForwardNorm, when: .post, &w)  // (R, D)
            selectRows(flows[index].output, index, &streams, &w)  // (R, D)
        }
        normalize(finalNorm, when: .pre, &w)  // (R, D)
        pool(&streams, &w)  // (R, D)
        k.affine(head, w.normed, into: &w.logits, rows: w.rows)  // (R, D) -> (R, labels)
    }

    /// Adds the encoding of each token's position, which repeats after a period, if the model has one.
    private func addPosition<Group: StreamGroup & ~Copyable>(_ streams: inout Group, _ w: inout Workspace) {
        guard let period else { return }
        for row in 0..<streams.ready {
            streams.withMemory(row) { memory in
                let index = Int((memory.tokens - 1) % Int64(period))
                kernels.add(
                    position, from: index * encoder.width, count: encoder.width, to: &w.token, at: row * encoder.width)
            }
        }
    }

    /// Computes the projections of all rows, and those that only the newest row needs of that row alone.
    private func project(_ layer: LayerWeights, _ w: inout Workspace) {
        guard let query = layer.query else {
            kernels.affine(layer.projection, w.normed, into: &w.projected, rows: w.rows)
            return
        }
        let (newest, pitch) = (w.rows - 1, layer.projectionWidth)
        kernels.affine(query, w.normed, from: newest * encoder.width, into: &w.projected, at: newest * pitch)
        kernels.affine(
            layer.projection, w.normed, into: &w.projected, at: query.outputs, rows: w.rows, outputStride: pitch)
    }

    /// Attends in every stream from its own memory.
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

    /// Replaces each stream's context by the mean of its newest ones (temporal mean pooling).
    private func pool<Group: StreamGroup & ~Copyable>(_ streams: inout Group, _ w: inout Workspace) {
        guard configuration.pooledContexts > 1 else { return }
        for row in 0..<streams.ready {
            streams.withMemory(row) { $0.pooling.pool(&w.normed, row: row, position: $0.tokens - 1) }
        }
    }

    /// Selects the rows that the next part of a layer needs: all tokens of the window, from the layer's history, or the
    /// newest token alone. Only a stream that is stepped alone has a window of rows.
    private func selectRows<Group: StreamGroup & ~Copyable>(
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

    /// Computes the layer norm of the tokens if the model has it at this point. In a pre-norm model sub-layers read
    /// `normed`, and the tokens stay as they are; in a post-norm model the tokens are normalised after each addition,
    /// and `normed` is a copy of them.
    private func normalize(_ norm: LayerWeights.LayerNorm?, when point: EncoderConfiguration.Norm, _ w: inout Workspace)
    {
        guard let norm, encoder.norm == point else {
            if point == .pre { w.normed.copy(w.token, from: 0, count: w.rows * encoder.width, to: 0) }
            return
        }
        kernels.layerNorm(w.token, weight: norm.weight, bias: norm.bias, epsilon: 1e-5, into: &w.normed, rows: w.rows)
        if point == .post { w.token.copy(w.normed, from: 0, count: w.rows * encoder.width, to: 0) }
    }

    private func activate(_ w: inout Workspace) {
        switch encoder.activation {
        case .relu: kernels.relu(&w.hidden, count: w.rows * encoder.feedForward)
        case .gelu: kernels.gelu(&w.hidden, count: w.rows * encoder.feedForward)
        }
    }

    /// Refuses a frame that would damage the state: a sliding sum would never lose a number that is not finite.
    private func check(_ frame: Span<Float>, _ index: Int64) throws(ModelError) {
        guard frame.count == configuration.inputWidth else {
            throw ModelError(
                .nonFinite,
                "frame \(index) has \(frame.count) features, \(configuration.name) takes \(configuration.inputWidth)")
        }
        for band in frame.indices where !(abs(frame[band]) <= Self.largestFeature) {
            let reason = "features must be finite and below \(Self.largestFeature)"
            throw ModelError(.nonFinite, "frame \(index), feature \(band) is \(frame[band]): \(reason)")
        }
    }

    func nonFiniteLogits(_ token: Int64) -> ModelError {
        ModelError(
            .nonFiniteLogits,
            "prediction \(token) of \(configuration.name) has a logit that is not finite: the weights are too large, "
                + "or the stream was resumed from a wrong state; verify the model, and start the stream afresh")
    }

    /// Far above any real feature, and small enough that no layer can overflow.
    private static let largestFeature: Float = 1e6
}
