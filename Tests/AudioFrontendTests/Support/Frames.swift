import AudioFrontend
import Glibc
import TestSupport

/// Returns the frames of a whole signal, one after the other.
func frames(of signal: [Float], _ recipe: LogMelRecipe, cut: Int? = nil) throws -> [Float] {
    var extractor = try LogMelExtractor(recipe)
    return frames(of: signal, with: &extractor, cut: cut)
}

/// Returns the frames of an existing extractor: pushes of `cut` samples, then the end.
func frames(of signal: [Float], with extractor: inout LogMelExtractor, cut: Int? = nil) -> [Float] {
    var frames: [Float] = []
    push(signal[...], to: &extractor, cut: cut, into: &frames)
    extractor.finish { append($0, to: &frames) }
    return frames
}

func push(
    _ signal: ArraySlice<Float>, to extractor: inout LogMelExtractor, cut: Int? = nil, into frames: inout [Float]
) {
    let step = max(cut ?? signal.count, 1)
    for start in stride(from: signal.startIndex, to: signal.endIndex, by: step) {
        let piece = signal[start..<min(start + step, signal.endIndex)]
        extractor.push(piece.span) { append($0, to: &frames) }
    }
}

func append(_ span: Span<Float>, to frames: inout [Float]) {
    for index in span.indices { frames.append(span[index]) }
}

/// Returns sines of rising pitch and loudness in noise, with silence between, so that all frames differ.
func testSignal(_ count: Int, seed: UInt64 = 1) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { index in
        let second = Double(index) / 16000
        let isSilent = index / 1500 % 5 == 4
        let tone = 0.4 * sine(cycles: second * (200 + 900 * second))
        return isSilent ? 0 : Float(tone + 0.05 * random.normal())
    }
}

/// Returns a sine after this number of cycles.
func sine(cycles: Double) -> Double { sin(2 * Double.pi * cycles) }

extension LogMelRecipe {
    /// A recipe with a hop longer than its frame, so that some samples are outside of all frames.
    static let sparse: LogMelRecipe = {
        var recipe = LogMelRecipe.yamnet
        recipe.hop = 1000
        return recipe
    }()
}
