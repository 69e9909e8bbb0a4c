import AudioFrontend
import TestSupport
import Testing

/// The same samples give the same frames, however they are cut into pushes.
struct FrameCutTests {
    struct Recipe: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let recipe: LogMelRecipe
    }

    static let recipes = [
        Recipe(testDescription: "yamnet", recipe: .yamnet),
        Recipe(testDescription: "kaldi", recipe: .kaldi),
        Recipe(testDescription: "librosa", recipe: .librosa),
        Recipe(testDescription: "hop longer than the window", recipe: .sparse),
    ]

    @Test(arguments: recipes, [1, 7, 160, 163, 4096])
    func cutsChangeNothing(_ recipe: Recipe, _ cut: Int) throws {
        let signal = testSignal(20_011)
        let whole = try frames(of: signal, recipe.recipe)
        let pieces = try frames(of: signal, recipe.recipe, cut: cut)
        try compareBits(pieces, with: whole, "\(recipe.testDescription) in pieces of \(cut)")
    }

    /// A frame for every position at which all of its samples exist.
    @Test(arguments: recipes, [0, 1, 399, 400, 401, 559, 560, 1023, 1024, 1399, 1400, 4496, 12_345])
    func numberOfFrames(_ recipe: Recipe, _ count: Int) throws {
        let recipe = recipe.recipe
        let padded = count + (recipe.center ? recipe.fftLength : 0)
        let span = recipe.center ? recipe.fftLength : recipe.windowLength
        let expected = padded < span ? 0 : (padded - span) / recipe.hop + 1
        var extractor = try LogMelExtractor(recipe)
        let made = frames(of: testSignal(count), with: &extractor)
        #expect(made.count == expected * recipe.bands)
        #expect(extractor.frames == Int64(expected))
        if recipe.center { #expect(expected == count / recipe.hop + 1) }
    }

    /// A frame is delivered with its last sample, not later.
    @Test func framesComeAtOnce() throws {
        var extractor = try LogMelExtractor(.yamnet)
        var frames: [Float] = []
        push(testSignal(399)[...], to: &extractor, into: &frames)
        #expect(frames.isEmpty)
        push([0.5], to: &extractor, into: &frames)
        #expect(frames.count == 64)
        push(testSignal(159)[...], to: &extractor, into: &frames)
        #expect(frames.count == 64)
        push([0.5], to: &extractor, into: &frames)
        #expect(frames.count == 128)
    }

    @Test(arguments: recipes)
    func resetIsAsNew(_ recipe: Recipe) throws {
        let signal = testSignal(9_001)
        let expected = try frames(of: signal, recipe.recipe)
        var extractor = try LogMelExtractor(recipe.recipe)
        for before in [1, 777, 4_500, 9_001] {
            var ignored: [Float] = []
            push(testSignal(before, seed: 2)[...], to: &extractor, into: &ignored)
            extractor.reset()
            #expect(extractor.frames == 0)
            try compareBits(
                frames(of: signal, with: &extractor), with: expected,
                "\(recipe.testDescription) after \(before) samples and a reset")
            extractor.reset()
        }
    }

    /// Samples near the largest float overflow internally; the frames stay finite, and later frames are not affected.
    @Test(arguments: recipes)
    func hugeSamplesLeaveNoTrace(_ recipe: Recipe) throws {
        let recipe = recipe.recipe
        var huge = testSignal(30_000)
        for index in 500..<900 { huge[index] = index % 3 == 0 ? -3e38 : 3e38 }
        let observed = try frames(of: huge, recipe)
        #expect(observed.firstIndex { !$0.isFinite } == nil)
        let untouched = (900 + (recipe.center ? recipe.fftLength / 2 : 0)) / recipe.hop + 1
        let expected = try frames(of: testSignal(30_000), recipe)
        try compareBits(
            Array(observed[(untouched * recipe.bands)...]), with: Array(expected[(untouched * recipe.bands)...]),
            "frames after samples of 3e38")
    }

    @Test(arguments: recipes)
    func silenceIsFinite(_ recipe: Recipe) throws {
        let recipe = recipe.recipe
        let observed = try frames(of: [Float](repeating: 0, count: 5_000), recipe)
        #expect(observed.firstIndex { !$0.isFinite } == nil)
        #expect(Set(observed).count == 1)
    }
}
