package import AudioClassifier
internal import AudioFrontend
internal import StreamTransformer

/// The check of a model's front-end: frames of a short signal.
package enum FrontendCheck {
    /// The least difference between a frame of noise and one of silence, in the front-end's logarithms.
    private static let leastDifference: Float = 1e-3

    /// Makes frames of silence and of noise.
    /// - Returns: the number of frames.
    /// - Throws: ``ClassifierError`` `configuration` if a frame has a value that is not finite, or noise gives the
    ///   frames of silence.
    package static func run(_ model: AudioModel) throws -> Int {
        func refusal(_ message: String) -> ClassifierError {
            ClassifierError(
                .configuration, code: "frontend", "\(model.network.directory)/config.json: frontend: \(message)")
        }
        let length = model.sampleRate / 2 + model.recipe.frameSpan
        let silence = try frames([Float](repeating: 0, count: length), model)
        let noise = try frames(noise(length), model)
        for (index, value) in (silence + noise).joined().enumerated() where !value.isFinite {
            let band = index % model.recipe.bands
            throw refusal("band \(band) of a frame is \(value); check log_offset, log_floor and sample_scale")
        }
        let difference = zip(silence.joined(), noise.joined()).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        guard difference >= leastDifference else {
            throw refusal(
                "noise has the frames of silence; check sample_scale, window, window_length, remove_dc and log_offset")
        }
        return silence.count + noise.count
    }

    private static func frames(_ samples: [Float], _ model: AudioModel) throws -> [[Float]] {
        var extractor = try LogMelExtractor(model.recipe)
        var frames: [[Float]] = []
        func keep(_ frame: Span<Float>) { frames.append(frame.indices.map { frame[$0] }) }
        extractor.push(samples.span, frame: keep)
        extractor.finish(frame: keep)
        return frames
    }

    /// Returns white noise of half of full scale, always the same (Numerical Recipes' linear congruential generator).
    private static func noise(_ count: Int) -> [Float] {
        var state: UInt32 = 1
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(state >> 8) / Float(1 << 24) - 0.5
        }
    }
}
