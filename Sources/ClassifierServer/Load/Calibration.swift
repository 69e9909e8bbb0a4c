internal import AudioClassifier
internal import AudioFrontend
internal import StreamTransformer

/// Measures the cost of a stream on this machine before the first stream of a model is admitted.
enum Calibration {
    private static let repeats = 3
    /// Samples after which the time is looked at.
    private static let block = 160
    /// Longest measurement of a model, in seconds of its thread's processor time.
    private static let patience = 8.0

    /// Returns each model's cost in seconds of a thread's processor time per second of audio.
    static func costs(of models: [AudioModel]) throws -> [ObjectIdentifier: Double] {
        var costs: [ObjectIdentifier: Double] = [:]
        for model in models { costs[ObjectIdentifier(model.network)] = try cost(of: model) }
        return costs
    }

    /// Processor time counts, because after a reload running streams share the processors.
    private static func cost(of model: AudioModel) throws -> Double {
        let rate = model.recipe.sampleRate
        // A tone over a ramp. The cost does not depend on the sound.
        let samples: [Float] = (0..<rate).map { index in
            let tone = Float(index % 37) / 64
            return tone - Float(index % 101) / 256
        }
        var pipeline = try ClassifierPipeline(model)
        // The first second fetches the weights into the caches. Of the others the quickest counts, because other work
        // of the machine can only add to it. The loops correct this estimate by their own measurements.
        var cost = Double.infinity
        let began = ThreadClock.now()
        for second in 0...repeats {
            let secondBegan = ThreadClock.now()
            for start in stride(from: 0, to: rate, by: block) {
                let end = min(rate, start + block)
                try pipeline.push(samples.span.extracting(start..<end)) { _ in }
                let used = ThreadClock.now() - began
                // A model that takes as long is far from real time; a rough estimate refuses its streams.
                guard used <= patience else {
                    return min(cost, used * Double(rate) / Double(second * rate + end))
                }
            }
            if second > 0 { cost = min(cost, ThreadClock.now() - secondBegan) }
        }
        return cost
    }
}
