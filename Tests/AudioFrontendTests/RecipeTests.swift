import AudioFrontend
import FoundationEssentials
import Testing

/// The `frontend` object of a model's configuration.
struct RecipeTests {
    private func decode(_ text: String) throws -> LogMelRecipe {
        try JSONDecoder().decode(LogMelRecipe.self, from: Data(text.utf8))
    }

    @Test func publishedRecipesAndOverrides() throws {
        #expect(try decode(#"{"recipe": "yamnet"}"#) == .yamnet)
        #expect(try decode(#"{"recipe": "kaldi"}"#) == .kaldi)
        var expected = LogMelRecipe.librosa
        expected.bands = 40
        expected.melNorm = .none
        expected.center = false
        #expect(try decode(#"{"recipe": "librosa", "bands": 40, "mel_norm": "none", "center": false}"#) == expected)
    }

    @Test(arguments: [
        #"{}"#,
        #"{"recipe": "other"}"#,
        #"{"recipe": "custom"}"#,
        #"{"recipe": "yamnet", "hops": 160}"#,
        #"{"recipe": "yamnet", "window": "kaiser"}"#,
        #"{"recipe": "yamnet", "window_length": 513}"#,
        #"{"recipe": "yamnet", "fft_length": 511}"#,
        #"{"recipe": "yamnet", "hop": 0}"#,
        #"{"recipe": "yamnet", "bands": 4096, "fft_length": 65536}"#,
        #"{"recipe": "yamnet", "bands": 0}"#,
        #"{"recipe": "yamnet", "high_hz": 8001}"#,
        #"{"recipe": "yamnet", "low_hz": 7500}"#,
        #"{"recipe": "yamnet", "log_offset": 0}"#,
        #"{"recipe": "yamnet", "preemphasis": 1}"#,
        #"{"recipe": "yamnet", "sample_scale": 0}"#,
        #"{"recipe": "yamnet", "sample_rate": 500, "high_hz": 250}"#,
        #"{"recipe": "yamnet", "center": "no"}"#,
    ])
    func impossibleRecipes(_ text: String) {
        #expect(throws: DecodingError.self) { try decode(text) }
    }

    /// The extractor checks a hand-made recipe, too.
    @Test func impossibleExtractor() {
        var recipe = LogMelRecipe.yamnet
        recipe.hop = -1
        #expect(throws: AudioError(.recipe, "front-end: hop -1 is not in 1 ... 65536")) {
            _ = try LogMelExtractor(recipe)
        }
    }
}
