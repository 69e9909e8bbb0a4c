internal import AudioClassifier
internal import AudioFrontend
internal import Glibc
internal import StreamTransformer

/// What a stream costs on this machine, measured before the first one of its model is taken.
enum Calibration {
    private static let repeats = 3

    /// Seconds of a thread for a second of audio, of each model.
    static func costs(of models: [AudioModel]) throws -> [ObjectIdentifier: Double] {
        var costs: [ObjectIdentifier: Double] = [:]
        for model in models { costs[ObjectIdentifier(model.model)] = try cost(of: model) }
        return costs
    }

    private static func cost(of model: AudioModel) throws -> Double {
        let rate = model.recipe.sampleRate
        // A tone over a ramp: any sound costs the same.
        let samples: [Float] = (0..<rate).map { index in
            let tone = Float(index % 37) / 64
            return tone - Float(index % 101) / 256
        }
        var pipeline = try ClassifierPipeline(model)
        // The first second fetches the weights into the caches. Of the others the quickest counts: what else the machine
        // does can only add to it, and the loops' own measurements follow.
        var cost = Double.infinity
        for second in 0...repeats {
            let began = threadSeconds()
            try pipeline.push(samples.span) { _ in }
            if second > 0 { cost = min(cost, threadSeconds() - began) }
        }
        return cost
    }

    /// Of this thread alone: after a reload, it shares the processors with the streams that are running.
    private static func threadSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
