/// One prediction.
public struct Prediction: Sendable {
    /// Index of the step in its stream.
    public internal(set) var frame: Int64 = 0
    /// Samples of the input, at the model's rate, up to the newest one that the prediction has seen.
    public internal(set) var sample: Int64 = 0
    /// The same in seconds.
    public internal(set) var time = 0.0
    /// Whether the attention window is full.
    public internal(set) var isWarm = false
    /// One a label.
    public internal(set) var probabilities: [Float]
    /// Level of the samples since the last prediction, in dB relative to full scale; -120 at least.
    public internal(set) var level = 0.0

    package init(
        frame: Int64 = 0, sample: Int64 = 0, time: Double = 0, isWarm: Bool = false, probabilities: [Float],
        level: Double = 0
    ) {
        self.frame = frame
        self.sample = sample
        self.time = time
        self.isWarm = isWarm
        self.probabilities = probabilities
        self.level = level
    }
}
