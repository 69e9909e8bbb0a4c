internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Logits that are not finite end their stream with an error, and no other stream.
@Suite struct NonFiniteLogitsTests {
    /// Finite weights of the head whose products with a context overflow.
    private func model() throws -> (Model, TemporaryModel) {
        let files = try TemporaryModel(ModelShape())
        let sound = try Model(directory: files.directory)
        let count = files.weights["head.weight"]?.values.count ?? 0
        files.weights["head.weight"]?.values = (0..<count).map { $0.isMultiple(of: 2) ? 3e38 : -3e38 }
        let tensors = try Safetensors(bytes: files.weights.bytes, name: "huge head")
        return (try Model(sound.configuration, tensors, directory: files.directory), files)
    }

    @Test func singleStream() throws {
        let (model, files) = try model()
        var stream = model.makeStream()
        let frame = ModelShape().frames(tokens: 1, seed: 1)[0]
        do {
            _ = try model.step(frame.span, &stream)
            Issue.record("the logits are finite")
        } catch { #expect(error.code == .nonFiniteLogits && error.message.contains("prediction 0 of")) }
        withExtendedLifetime(files) {}
    }

    @Test func oneStreamOfABatch() throws {
        let shape = ModelShape()
        let files = try TemporaryModel(shape)
        let model = try Model(directory: files.directory)
        var batch = StreamBatch(model, capacity: 2)
        let (first, second) = (batch.join(), batch.join())
        let (sound, broken) = (try #require(first), try #require(second))
        let frames = shape.frames(tokens: 2, seed: 2)
        for frame in frames {
            for slot in [sound, broken] { _ = try batch.push(frame.span, slot: slot) }
            batch.step()
        }
        // The last floats of a state are those of attention, whose huge values overflow in the next token.
        var writer = SnapshotWriter()
        batch.snapshot(slot: broken, to: &writer)
        var bytes = writer.bytes
        for offset in stride(from: 16, to: bytes.count - 3, by: 4) {
            for byte in 0..<4 {
                bytes[offset + byte] = UInt8(truncatingIfNeeded: Float(3.4e38).bitPattern >> UInt32(8 * byte))
            }
        }
        var reader = SnapshotReader(bytes)
        try batch.restore(slot: broken, from: &reader)
        for frame in frames.prefix(1) {
            for slot in [sound, broken] { _ = try batch.push(frame.span, slot: slot) }
        }
        batch.step()
        try batch.checkLogits(slot: sound)
        do {
            try batch.checkLogits(slot: broken)
            Issue.record("the logits are finite")
        } catch { #expect(error.code == .nonFiniteLogits) }
    }
}
