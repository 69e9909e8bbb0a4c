import AudioFrontend
import CAllocationCounter
import TestSupport
import Testing

struct AllocationTests {
    /// A sanitizer brings an allocator that is not counted.
    static let isActive = allocation_counter_is_active() != 0

    @Test(.enabled(if: isActive, "the sanitizer's allocator is not counted"), arguments: FrameCutTests.recipes)
    func pushAllocatesNothing(_ recipe: FrameCutTests.Recipe) throws {
        var extractor = try LogMelExtractor(recipe.recipe)
        let signal = testSignal(40_000)
        var sum: Float = 0
        // The first push may set up what the process needs once.
        extractor.push(signal.span) { sum += $0[0] }
        let before = allocation_counter_count()
        for cut in [1, 160, 4_096] {
            for start in stride(from: 0, to: signal.count - cut, by: cut) {
                extractor.push(signal.span.extracting(start..<start + cut)) { sum += $0[0] }
            }
        }
        extractor.reset()
        let after = allocation_counter_count()
        #expect(after - before == 0)
        #expect(sum.isFinite)
    }
}
