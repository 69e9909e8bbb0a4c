internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore
internal import StreamTransformer

/// An iteration of the loop: advances every ready stream to its next token, encodes these tokens together, and emits
/// the predictions.
extension InferenceLoop {
    /// Advances every ready stream by one token at most.
    /// - Returns: whether any stream is still ready.
    func iterate() -> Bool {
        var hasMore = false
        for group in groups.values where !group.ready.isEmpty { hasMore = iterate(group) || hasMore }
        return hasMore
    }

    private func iterate(_ group: Group) -> Bool {
        swap(&group.ready, &group.advancing)
        group.stepped.removeAll(keepingCapacity: true)
        for stream in group.advancing { stream.decode(metrics) }
        // The cost of a stream is classification alone. A client can send messages that take long to decode and hold
        // little audio, or watch a stream a hundred times: decoding and outputs belong to `StreamOverhead`.
        let began = ThreadClock.now()
        var samples = 0
        for stream in group.advancing {
            do {
                let advance = try advance(stream, group)
                samples += advance.samples
                if advance.isToken { group.stepped.append(stream) }
            } catch {
                stream.fail(ClassifierError(error))
            }
        }
        let count = group.batch.step()
        let busy = ThreadClock.now() - began
        let now = NIODeadline.now().uptimeNanoseconds
        for stream in group.stepped {
            do { try emit(stream, group, now: now) } catch { stream.fail(ClassifierError(error)) }
        }
        for stream in group.advancing {
            noteOutput(of: stream)
            stream.wakeSender()
            if let reason = stream.life.finish(isDrained: stream.queue.isEmpty && stream.endZeros == 0) {
                finish(stream, group, reason)
                continue
            }
            stream.isReady = stream.hasWork
            if stream.isReady { group.ready.append(stream) }
        }
        group.advancing.removeAll(keepingCapacity: true)
        if samples > 0 {
            let audio = Double(samples) / Double(group.batch.audioModel.recipe.sampleRate)
            group.meter.update(busy: busy, audio: audio)
            shared.classified(
                audio, busy: busy, model: ObjectIdentifier(group.batch.audioModel.network), cost: group.meter.cost,
                loop: index)
            metrics.iteration(predictions: count, seconds: busy)
        }
        return !group.ready.isEmpty
    }

    /// Pushes queued samples into the batch, up to the next token.
    private func advance(_ stream: LiveStream, _ group: Group) throws -> (samples: Int, isToken: Bool) {
        var used = 0
        while let piece = stream.queue.first {
            switch piece {
            case .gap(let lost):
                stream.skip(lost)
                stream.queue.consume(0)
            case .samples(let count, let arrived):
                let wantsFeatures = stream.wantsFeatures
                var offset = 0
                var isToken = false
                do {
                    let samples = stream.queue.storage
                    let piece = samples.span.extracting(stream.queue.head..<stream.queue.head + count)
                    while offset < count && !isToken {
                        let push = try group.batch.push(piece, from: offset, &stream.frontend, slot: stream.slot) {
                            if wantsFeatures { stream.addFeatures($0) }
                        }
                        offset += push.taken
                        isToken = push.isToken
                    }
                }
                used += offset
                stream.arrived = arrived
                stream.queue.consume(offset)
                if isToken { return (used, true) }
            }
        }
        guard stream.isEnding, stream.endZeros > 0 else { return (used, false) }
        while stream.endZeros > 0 {
            if try group.batch.pushEnd(&stream.endZeros, &stream.frontend, slot: stream.slot) {
                return (used, true)
            }
        }
        return (used, false)
    }

    private func emit(_ stream: LiveStream, _ group: Group, now: UInt64) throws {
        let firstFrame = stream.frontend.frames - Int64(group.batch.audioModel.network.framesPerToken)
        let records = try group.batch.predict(&stream.frontend, slot: stream.slot) { prediction in
            stream.emit(prediction, firstFrame: max(0, firstFrame))
        }
        let waited = Double(now - min(stream.arrived, now)) * 1e-9
        metrics.predicted(after: waited)
        // Audio that was sent ahead of time has to wait, which is no lateness.
        if stream.pace.tokens >= 0 { shared.predicted(after: waited) }
        publishEvents(records)
    }

    private func finish(_ stream: LiveStream, _ group: Group, _ reason: EndReason) {
        let predictions = group.batch.predictions(slot: stream.slot)
        // The state is taken before open events end, so that they go on in a resumed stream.
        let isFinal = reason.isFinal || !stream.setup.keepsState
        if stream.hasState {
            states.ended(stream.setup.id, isFinal ? nil : snapshot(stream, group))
        } else {
            states.left(stream.setup.id)
        }
        group.batch.leave(stream.slot)
        group.count -= 1
        if group.isRetired && group.count == 0 { groups[ObjectIdentifier(stream.setup.model.network)] = nil }
        streams[stream.identity] = nil
        if identities[stream.setup.id] == stream.identity { identities[stream.setup.id] = nil }
        shared.release(stream.setup.id)
        if group.count == 0 {
            group.meter = LoadMeter(cost: shared.cost(of: ObjectIdentifier(stream.setup.model.network), loop: index))
        }
        // The end is sent last, because a client may use the name again as soon as it has the end.
        publishEvents(stream.finish(reason, predictions: predictions))
        publish(.end(stream: stream.setup.id, frames: predictions, dropped: stream.dropped))
        metrics.ended(reason.name, stream: stream.setup.id)
    }

    private func publishEvents(_ records: [Record]) {
        for record in records {
            if case .event(_, .start, _, let label, _, _, _) = record { metrics.event(label) }
            publish(record)
        }
    }
}
