internal import StreamTransformer
internal import TestSupport
internal import Testing

/// Features that are not finite are refused with their index, and have no effect.
@Suite struct FeatureRefusalTests {
    static let poisons: [Float] = [.nan, .signalingNaN, .infinity, -.infinity, 2e6, -.greatestFiniteMagnitude]

    @Test(arguments: StreamStateTests.shapes) func nonFiniteFeatureLeavesTheStateAsItWas(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        let frames = shape.frames(tokens: 3 * shape.window, seed: 1)
        let expected = try model.run(frames)
        for (number, poison) in Self.poisons.enumerated() {
            var stream = model.makeStream()
            var observed: [[Float]] = []
            for (index, frame) in frames.enumerated() {
                if index % 5 == number % 5 {
                    let band = (index + number) % shape.bands
                    var bad = frame
                    bad[band] = poison
                    let before = stream.snapshotBytes
                    let error = Self.error(model, bad, &stream)
                    #expect(error?.code == .nonFinite)
                    #expect(
                        error?.message.contains("frame \(index), feature \(band) is") == true, "\(error?.message ?? "")"
                    )
                    #expect(stream.snapshotBytes == before)
                }
                if try model.step(frame.span, &stream) { observed.append(stream.logitsArray) }
            }
            for t in expected.indices { try compareBits(observed[t], with: expected[t], "\(poison), token \(t)") }
        }
    }

    @Test(arguments: [0, 6, 8]) func wrongNumberOfFeatures(_ count: Int) throws {
        let model = try ModelAndOracle(ModelShape()).model
        var stream = model.makeStream()
        let before = stream.snapshotBytes
        let error = Self.error(model, [Float](repeating: 0, count: count), &stream)
        #expect(error?.message == "frame 0 has \(count) features, random takes 7")
        #expect(stream.snapshotBytes == before)
    }

    /// The largest accepted features give finite logits.
    @Test(arguments: ModelShape.systems) func hugeFeatures(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        var frames = shape.frames(tokens: 3 * shape.window, seed: 2)
        for index in frames.indices where index % 4 == 1 { frames[index] = frames[index].map { $0 < 0 ? -1e6 : 1e6 } }
        for (t, logits) in try model.run(frames).enumerated() {
            let index = logits.firstIndex { !$0.isFinite }
            #expect(index == nil, "token \(t)")
        }
    }

    private static func error(_ model: Model, _ frame: [Float], _ stream: inout StreamState) -> ModelError? {
        do {
            _ = try model.step(frame.span, &stream)
            return nil
        } catch { return error }
    }
}
