import AudioFrontend
import CAllocationCounter
import TestSupport
import Testing

struct AllocationTests {
    /// False under a sanitizer, whose allocator is not counted.
    static let isActive = allocation_counter_is_active() != 0

    @Test(.enabled(if: isActive, "the sanitizer's allocator is not counted"), arguments: FrameCutTests.recipes)
    func pushAllocatesNothing(_ recipe: FrameCutTests.Recipe) throws {
        var extractor = try LogMelExtractor(recipe.recipe)
        let signal = testSignal(40_000)
        var sum: Float = 0
        // The first push may initialise the process.
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

struct ReadingAllocationTests {
    /// After its first reads, an input of any kind of samples does not allocate.
    @Test(
        .enabled(if: AllocationTests.isActive, "the sanitizer's allocator is not counted"),
        arguments: [16_000, 48_000], [SampleFormat.s16le, .f32le, .s24in32le])
    func readAllocatesNothing(_ rate: Int, _ format: SampleFormat) throws {
        let folder = try TemporaryDirectory()
        for channels in 1...2 {
            var wave = WaveBytes(format: format, rate: rate, channels: channels)
            if format == .s24in32le { wave.statedBits = 24 }
            wave.data = RawSamples.bytes(format, count: 100_000 * channels, seed: 99)
            try folder.write(wave.bytes, to: "a.wav")
            var input = try AudioInput(path: "\(folder.path)/a.wav", rate: 16_000)
            var sum: Float = 0
            for _ in 0..<4 { _ = try input.read { sum += $0[0] } }
            let before = allocation_counter_count()
            for _ in 0..<15 { _ = try input.read { sum += $0[0] } }
            let after = allocation_counter_count()
            #expect(after - before == 0)
            #expect(sum.isFinite)
        }
    }
}
