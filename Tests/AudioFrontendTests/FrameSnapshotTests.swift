import AudioFrontend
import Kernels
internal import StrictCoding
import TestSupport
import Testing

/// A front-end's state, saved at any sample and restored, continues bit for bit.
struct FrameSnapshotTests {
    @Test(arguments: FrameCutTests.recipes)
    func everyPosition(_ recipe: FrameCutTests.Recipe) throws {
        // Beyond the history's length, so that it is compacted; afterwards in steps that give every remainder.
        let signal = testSignal(14_000)
        let bands = recipe.recipe.bands
        let expected = try frames(of: signal, recipe.recipe)
        var source = try LogMelExtractor(recipe.recipe)
        var target = try LogMelExtractor(recipe.recipe)
        var ignored: [Float] = []
        for position in 0..<7_000 {
            let isSaved = position <= 1_100 || position % 61 == 0 || (4_380...4_520).contains(position)
            if isSaved, position % TestScale.choose(1, reduced: 7) == 0 {
                var writer = SnapshotWriter()
                source.snapshot(to: &writer)
                var reader = SnapshotReader(writer.bytes)
                try target.restore(from: &reader)
                #expect(reader.remaining == 0)
                #expect(target.frames == source.frames)
                var frames: [Float] = []
                push(signal[position...], to: &target, cut: 1_009, into: &frames)
                target.finish { append($0, to: &frames) }
                try compareBits(
                    frames, with: Array(expected[(Int(source.frames) * bands)...]),
                    "\(recipe.testDescription), restored after \(position) samples")
            }
            push(signal[position...position], to: &source, into: &ignored)
        }
    }

    /// A cut snapshot, one of another recipe with a longer history, and one with impossible numbers are refused.
    @Test func damagedSnapshots() throws {
        var source = try LogMelExtractor(.librosa)
        var ignored: [Float] = []
        push(testSignal(3_000)[...], to: &source, into: &ignored)
        var writer = SnapshotWriter()
        source.snapshot(to: &writer)
        for length in [0, 7, 8, 23, 24, writer.bytes.count - 1] {
            refuse(Array(writer.bytes[..<length]), .librosa)
        }
        for field in 0..<3 {
            for value in [UInt8(0x80), 0x7F, 0xFF] {
                var bytes = writer.bytes
                bytes[8 * field + 7] = value
                refuse(bytes, .librosa)
            }
        }
        var bytes = writer.bytes
        bytes.replaceSubrange(24..<28, with: WaveBytes.little(UInt64(Float.nan.bitPattern), 4))
        refuse(bytes, .librosa)
    }

    private func refuse(_ bytes: [UInt8], _ recipe: LogMelRecipe) {
        #expect(throws: SnapshotReader.Truncated.self) {
            var extractor = try LogMelExtractor(recipe)
            var reader = SnapshotReader(bytes)
            try extractor.restore(from: &reader)
        }
    }
}
