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
        let began = NIODeadline.now().uptimeNanoseconds
        let ready = group.ready
        group.ready.removeAll(keepingCapacity: true)
        var stepped: [LiveStream] = []
        var samples = 0
        for stream in ready {
            do {
                let advance = try advance(stream, group)
                samples += advance.samples
                if advance.isToken { stepped.append(stream) }
            } catch {
                fail(stream, ClassifierError(error))
            }
        }
        let count = group.batch.step()
        for stream in stepped {
            do { try emit(stream, group) } catch { fail(stream, ClassifierError(error)) }
        }
        for stream in stepped where stream.isBehind {
            fail(
                stream,
                ClassifierError(
                    .unavailable, code: "slow_reader",
                    "the client reads too slowly: \(stream.setup.outputLimit) outputs wait; read faster or ask for less"
                ))
        }
        for stream in ready {
            stream.wakeSender()
            if stream.queue.isEmpty && stream.isEnding && stream.endZeros == 0 {
                finish(stream, group)
                continue
            }
            stream.isReady = !stream.queue.isEmpty || stream.isEnding
            if stream.isReady { group.ready.append(stream) }
        }
        let busy = Double(NIODeadline.now().uptimeNanoseconds - began) * 1e-9
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

    private func fail(_ stream: LiveStream, _ failure: ClassifierError) {
        stream.queue.removeAll()
        stream.endZeros = 0
        stream.endReason = .failed(code: failure.code, message: failure.message)
    }

    /// Pushes queued samples into the batch, up to the next token.
    private func advance(_ stream: LiveStream, _ group: Group) throws -> (samples: Int, isToken: Bool) {
        var used = 0
        while let piece = stream.queue.first {
            switch piece {
            case .gap(let lost):
                stream.lose(lost)
                stream.queue.consume(0)
            case .samples(let samples, let arrived):
                let wantsFeatures = stream.wantsFeatures
                var offset = stream.queue.offset
                var isToken = false
                while offset < samples.count && !isToken {
                    let push = try group.batch.push(
                        samples.span, from: offset, &stream.frontend, slot: stream.slot
                    ) { if wantsFeatures { stream.addFeatures($0) } }
                    offset += push.taken
                    isToken = push.isToken
                }
                used += offset - stream.queue.offset
                stream.arrived = arrived
                stream.queue.consume(offset - stream.queue.offset)
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

    private func emit(_ stream: LiveStream, _ group: Group) throws {
        let firstFrame = stream.frontend.frames - Int64(group.batch.audioModel.network.framesPerToken)
        let records = try group.batch.predict(&stream.frontend, slot: stream.slot) { prediction in
            stream.emit(prediction, firstFrame: max(0, firstFrame))
        }
        let waited = Double(
            NIODeadline.now().uptimeNanoseconds - min(stream.arrived, NIODeadline.now().uptimeNanoseconds))
        metrics.predicted(after: waited * 1e-9)
        // Audio that was sent ahead of time has to wait, which is no lateness.
        if stream.pace.tokens >= 0 { shared.predicted(after: waited * 1e-9) }
        publishEvents(records)
    }

    private func finish(_ stream: LiveStream, _ group: Group) {
        let reason = stream.endReason ?? .complete
        let predictions = group.batch.predictions(slot: stream.slot)
        // The state is taken before open events end, so that they go on in a resumed stream.
        let isFinal = reason.isFinal || !stream.setup.keepsState
        states.ended(stream.setup.id, isFinal ? nil : snapshot(stream, group))
        group.batch.leave(stream.slot)
        group.count -= 1
        if group.isRetired && group.count == 0 { groups[ObjectIdentifier(stream.setup.model.network)] = nil }
        streams[stream.setup.id] = nil
        shared.release(stream.setup.id)
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
