internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore
internal import StreamTransformer

/// A turn of the loop: every stream that is due to its next token, these tokens through the encoder together, and what they say
/// told.
extension InferenceLoop {
    /// Takes every stream that is due to its next token at most.
    /// - Returns: whether there is more to do.
    func turn() -> Bool {
        var hasMore = false
        for group in groups.values where !group.due.isEmpty { hasMore = turn(group) || hasMore }
        return hasMore
    }

    private func turn(_ group: Group) -> Bool {
        let began = NIODeadline.now().uptimeNanoseconds
        let due = group.due
        group.due.removeAll(keepingCapacity: true)
        var ready: [LiveStream] = []
        var samples = 0
        for stream in due {
            do {
                let advance = try advance(stream, group)
                samples += advance.samples
                if advance.isToken { ready.append(stream) }
            } catch {
                fail(stream, ClassifierError(error))
            }
        }
        let count = group.batch.step()
        for stream in ready { tell(stream, group) }
        for stream in ready where stream.isBehind {
            fail(
                stream,
                ClassifierError(
                    .unavailable, code: "slow_reader",
                    "the client reads too slowly: \(stream.setup.outputLimit) outputs wait; read faster or ask for less"
                ))
        }
        for stream in due {
            stream.wakeSender()
            if stream.queue.isEmpty && stream.end != nil && stream.endZeros == 0 {
                finish(stream, group)
                continue
            }
            stream.isDue = !stream.queue.isEmpty || stream.end != nil
            if stream.isDue { group.due.append(stream) }
        }
        let busy = Double(NIODeadline.now().uptimeNanoseconds - began) * 1e-9
        if samples > 0 {
            let audio = Double(samples) / Double(group.batch.audioModel.recipe.sampleRate)
            group.meter.update(busy: busy, audio: audio)
            shared.classified(
                audio, busy: busy, model: ObjectIdentifier(group.batch.audioModel.model), cost: group.meter.cost,
                loop: index)
            metrics.turn(predictions: count, seconds: busy)
        }
        return !group.due.isEmpty
    }

    private func fail(_ stream: LiveStream, _ failure: ClassifierError) {
        stream.queue.removeAll()
        stream.endZeros = 0
        stream.end = .failed(code: failure.code, message: failure.message)
    }

    /// Feeds what waits, up to the next token.
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
                        samples.span, from: offset, &stream.frontend, place: stream.place
                    ) { if wantsFeatures { stream.note($0) } }
                    offset += push.taken
                    isToken = push.isToken
                }
                used += offset - stream.queue.offset
                stream.arrived = arrived
                stream.queue.consume(offset - stream.queue.offset)
                if isToken { return (used, true) }
            }
        }
        guard stream.end != nil, stream.endZeros > 0 else { return (used, false) }
        while stream.endZeros > 0 {
            if try group.batch.pushEnd(&stream.endZeros, &stream.frontend, place: stream.place) {
                return (used, true)
            }
        }
        return (used, false)
    }

    private func tell(_ stream: LiveStream, _ group: Group) {
        let firstFrame = stream.frontend.frames - Int64(group.batch.audioModel.model.framesPerToken)
        let records = group.batch.predict(&stream.frontend, place: stream.place) { prediction in
            stream.tell(prediction, firstFrame: max(0, firstFrame))
        }
        let waited = Double(
            NIODeadline.now().uptimeNanoseconds - min(stream.arrived, NIODeadline.now().uptimeNanoseconds))
        metrics.predicted(after: waited * 1e-9)
        if stream.pace.isRealTime { shared.predicted(after: waited * 1e-9) }
        note(records)
    }

    private func finish(_ stream: LiveStream, _ group: Group) {
        let reason = stream.end ?? .complete
        let predictions = group.batch.predictions(place: stream.place)
        // Open events are not ended in the state: whoever goes on from it goes on with them.
        let isOver = reason.isOver || !stream.setup.keepsState
        keeper.ended(stream.setup.id, isOver ? nil : snapshot(stream, group))
        group.batch.leave(stream.place)
        group.count -= 1
        if group.isRetired && group.count == 0 { groups[ObjectIdentifier(stream.setup.model.model)] = nil }
        streams[stream.setup.id] = nil
        shared.release(stream.setup.id)
        // Whoever is told that it has ended may use its name.
        note(stream.finish(reason, predictions: predictions))
        metrics.ended(reason)
    }

    private func note(_ records: [Record]) {
        for record in records {
            if case .event(_, .start, _, let label, _, _, _) = record { metrics.event(label) }
            outputs.publish(record)
        }
    }
}
