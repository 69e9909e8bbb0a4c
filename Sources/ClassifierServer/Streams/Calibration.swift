internal import AudioFrontend
internal import ClassifierService
internal import NIOCore

/// What a stream costs on this machine, measured before the first one is taken.
enum Calibration {
    /// Seconds of a thread for a second of audio, of the most expensive model.
    static func cost(of models: [AudioModel]) throws -> Double {
        try models.map(cost).max() ?? 0
    }

    private static func cost(of model: AudioModel) throws -> Double {
        let rate = model.recipe.sampleRate
        // A tone over a ramp: any sound costs the same.
        let samples: [Float] = (0..<rate).map { index in
            let tone = Float(index % 37) / 64
            return tone - Float(index % 101) / 256
        }
        var pipeline = try ClassifierPipeline(model)
        // The first second fetches the weights into the caches.
        try pipeline.push(samples.span) { _ in }
        let began = NIODeadline.now()
        try pipeline.push(samples.span) { _ in }
        return Double((NIODeadline.now() - began).nanoseconds) * 1e-9
    }
}
