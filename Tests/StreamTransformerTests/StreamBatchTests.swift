internal import Kernels
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Streams that are stepped together get bit for bit the logits that each gets alone.
@Suite struct StreamBatchTests {
    static let shapes: [ModelShape] = TestScale.sample(ModelShape.systems, every: 3).flatMap { system in
        [
            system.with { $0.position = .recycling(period: 4) },
            system.window(12).with { ($0.heads, $0.headWidth, $0.stem) = (4, 16, .linear(frames: 2)) },
        ]
    }

    /// Streams that begin and end at different times, and sometimes miss a step.
    @Test(arguments: shapes) func equalsSingle(_ shape: ModelShape) throws {
        for kernels in Kernels.available {
            let model = try ModelAndOracle(shape, kernels: kernels).model
            let streams = (0..<7).map { number in
                shape.frames(tokens: (2 + number % 3) * shape.window + number, seed: UInt64(number))
            }
            let expected = try streams.map(model.run)
            var observed: [[[Float]]] = streams.map { _ in [] }
            var random = SplitMix64(seed: 11)
            var batch = StreamBatch(model, capacity: 4)
            var slots: [Int: Int] = [:]  // of a stream
            var next: [Int] = streams.map { _ in 0 }
            var waiting = Array(streams.indices)
            while !waiting.isEmpty || !slots.isEmpty {
                while !waiting.isEmpty, slots.count < 4, let slot = batch.join() {
                    slots[waiting.removeFirst()] = slot
                }
                var ready: [Int] = []
                for (stream, slot) in slots.sorted(by: { $0.key < $1.key }) where random.next() % 4 != 0 {
                    let frame = streams[stream][next[stream]]
                    if try batch.push(frame.span, slot: slot) { ready.append(stream) }
                    next[stream] += 1
                }
                let stepped = batch.step()
                #expect(stepped == ready.count)
                for stream in ready {
                    let slot = try #require(slots[stream])
                    observed[stream].append(batch.logitsArray(slot: slot))
                }
                for (stream, slot) in slots where next[stream] == streams[stream].count {
                    batch.leave(slot: slot)
                    slots[stream] = nil
                }
            }
            for stream in streams.indices {
                try #require(observed[stream].count == expected[stream].count)
                for t in expected[stream].indices {
                    try compareBits(
                        observed[stream][t], with: expected[stream][t], "\(kernels.name), stream \(stream), token \(t)")
                }
            }
        }
    }

    /// Convolutions compute the streams of a batch in groups: more streams than one group, at different slots of their
    /// columns.
    @Test func convolutionsInGroups() throws {
        let shape = ModelShape().with {
            $0.attention = .continual
            $0.bands = 11
            $0.stem = .convolution([
                .init(channels: 5, timeStride: 2, bandStride: 2), .init(channels: 18, timeStride: 1, bandStride: 1),
                .init(channels: 7, timeStride: 2, bandStride: 2, isSeparable: true),
            ])
        }
        for kernels in Kernels.available {
            let model = try ModelAndOracle(shape, kernels: kernels).model
            let streams = (0..<19).map { shape.frames(tokens: 9, seed: UInt64($0)) }
            let expected = try streams.map(model.run)
            var batch = StreamBatch(model, capacity: streams.count)
            var slots: [Int] = []
            while let slot = batch.join() { slots.append(slot) }
            for token in 0..<18 {
                // Half of the streams have some tokens less than the others.
                let current = streams.indices.filter { (0..<9).contains(token - ($0.isMultiple(of: 2) ? 0 : 5)) }
                for stream in current {
                    let own = token - (stream.isMultiple(of: 2) ? 0 : 5)
                    for index in 0..<shape.framesPerToken {
                        let frame = streams[stream][own * shape.framesPerToken + index]
                        let isToken = try batch.push(frame.span, slot: slots[stream])
                        #expect(isToken == (index == shape.framesPerToken - 1))
                    }
                }
                #expect(batch.step() == current.count)
                for stream in current {
                    let own = token - (stream.isMultiple(of: 2) ? 0 : 5)
                    try compareBits(
                        batch.logitsArray(slot: slots[stream]), with: expected[stream][own],
                        "\(kernels.name), stream \(stream), token \(own)")
                }
            }
        }
    }

    /// A refused feature of one stream affects neither this stream nor others.
    @Test(arguments: shapes) func refusalLeavesOthersAlone(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        let frames = (0..<3).map { shape.frames(tokens: 2 * shape.window, seed: UInt64($0)) }
        let expected = try frames.map(model.run)
        var batch = StreamBatch(model, capacity: 3)
        var slots: [Int] = []
        while let slot = batch.join() { slots.append(slot) }
        #expect(slots.count == 3, "as many as there is room for")
        var token = 0
        for index in frames[0].indices {
            var isToken = false
            for stream in 0..<3 {
                if index % 3 == stream {
                    var poisoned = frames[stream][index]
                    poisoned[index % poisoned.count] = .nan
                    var code: ModelError.Code?
                    do { _ = try batch.push(poisoned.span, slot: slots[stream]) } catch { code = error.code }
                    #expect(code == .nonFinite)
                }
                let frame = frames[stream][index]
                isToken = try batch.push(frame.span, slot: slots[stream])
            }
            guard isToken else { continue }
            batch.step()
            for stream in 0..<3 {
                let logits = batch.logits(slot: slots[stream])
                try compareBits(
                    logits.indices.map { logits[$0] }, with: expected[stream][token], "stream \(stream), token \(token)"
                )
            }
            token += 1
        }
    }

    /// A stream continues bit for bit when it is moved into a batch and out of it.
    @Test(arguments: shapes) func movesInAndOut(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        let frames = shape.frames(tokens: 3 * shape.window, seed: 5)
        let expected = try model.run(frames)
        var batch = StreamBatch(model, capacity: 2)
        _ = batch.join()
        let joined = batch.join()
        let slot = try #require(joined)
        var stream = model.makeStream()
        var token = 0
        for (index, frame) in frames.enumerated() {
            if index % 5 == 2 {
                var reader = SnapshotReader(stream.snapshotBytes)
                try batch.restore(slot: slot, from: &reader)
                #expect(reader.remaining == 0)
            }
            let isInBatch = index % 5 == 2 || index % 5 == 3
            let isToken: Bool
            if isInBatch {
                isToken = try batch.push(frame.span, slot: slot)
                batch.step()
            } else {
                isToken = try model.step(frame.span, &stream)
            }
            if isToken {
                let observed = isInBatch ? batch.logitsArray(slot: slot) : stream.logitsArray
                try compareBits(observed, with: expected[token], "token \(token)")
                token += 1
            }
            if index % 5 == 3 {
                var writer = SnapshotWriter()
                batch.snapshot(slot: slot, to: &writer)
                var reader = SnapshotReader(writer.bytes)
                try stream.restore(from: &reader)
            }
        }
    }
}

extension StreamBatch {
    fileprivate func logitsArray(slot: Int) -> [Float] {
        let logits = logits(slot: slot)
        var values: [Float] = []
        for index in logits.indices { values.append(logits[index]) }
        return values
    }
}
