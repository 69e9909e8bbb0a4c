internal import CAllocationCounter
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// A step allocates no memory.
@Suite struct AllocationTests {
    @Test(
        .enabled(if: allocation_counter_is_active() != 0, "a sanitizer's allocator is not counted"), arguments: shapes)
    func noAllocationInAStep(_ shape: ModelShape) throws {
        let model = try ModelAndOracle(shape).model
        let frames = shape.frames(tokens: 5 * shape.window, seed: 1)
        var stream = model.makeStream()
        for frame in frames { _ = try model.step(frame.span, &stream) }
        let before = allocation_counter_count()
        for frame in frames { _ = try model.step(frame.span, &stream) }
        let after = allocation_counter_count()
        #expect(after == before, "\(after - before) allocations in \(frames.count) frames")
    }

    /// The counter counts allocations.
    @Test(.enabled(if: allocation_counter_is_active() != 0, "a sanitizer's allocator is not counted"))
    func newStreamAllocates() throws {
        let model = try ModelAndOracle(ModelShape()).model
        let before = allocation_counter_count()
        let frames = model.makeStream().frames
        #expect(frames == 0 && allocation_counter_count() > before)
    }

    static let shapes: [ModelShape] =
        StreamStateTests.shapes + [ModelShape().with { ($0.norm, $0.activation) = (.post, .gelu) }]
}
