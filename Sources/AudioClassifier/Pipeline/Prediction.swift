/// Probabilities of all labels at one time of a stream.
///
/// The labels are the model's own array, which predictions share.
public struct Prediction: Sendable {
    /// Labels of the model, in the order of ``probabilities``.
    public let labels: [String]
    /// Index of the prediction in its stream.
    public internal(set) var index: Int64 = 0
    /// Position in the input, at the model's rate, of the end of the newest sample that was used.
    public internal(set) var sample: Int64 = 0
    /// The same position in seconds.
    public internal(set) var time = 0.0
    /// Whether the attention window is full.
    public internal(set) var isWarm = false
    /// Probability of every label.
    public internal(set) var probabilities: [Float]
    /// Level of the samples since the previous prediction, in dB relative to full scale, -120 at least.
    public internal(set) var level = 0.0
    private let ranking: LabelRanking

    /// Makes the prediction of a new stream.
    init(_ model: AudioModel) {
        labels = model.labels
        probabilities = model.labels.map { _ in 0 }
        ranking = model.ranking
    }

    /// Makes a prediction by hand, for tests of what receives predictions.
    public init(
        labels: [String], probabilities: [Float], index: Int64 = 0, sample: Int64 = 0, time: Double = 0,
        isWarm: Bool = false, level: Double = 0
    ) {
        precondition(!labels.isEmpty && labels.count == probabilities.count, "every label has one probability")
        self.labels = labels
        self.probabilities = probabilities
        self.index = index
        self.sample = sample
        self.time = time
        self.isWarm = isWarm
        self.level = level
        ranking = LabelRanking(labels: labels.count)
    }

    /// Takes index, position and level of another prediction of the model, and keeps the probabilities.
    mutating func move(to other: Prediction) {
        (index, sample, time) = (other.index, other.sample, other.time)
        (isWarm, level) = (other.isWarm, other.level)
    }

    /// The most probable label; of equal ones the first.
    ///
    /// Where the model knows which labels are more general than others, a label gives way to the most probable one
    /// right below it that has at least half of its probability: a barking dog is "Bark" and not "Animal".
    public var best: Classification { classification(ranking.first(probabilities) ?? 0) }

    /// Returns the most probable labels, the most probable first; equal ones in the model's order.
    ///
    /// The first one is ``best``. Labels that give way to others follow behind all others.
    public func top(_ count: Int) -> [Classification] { ranking.ranked(probabilities, count).map(classification) }

    /// Returns the probability of a label, or `nil` if the model does not have the label.
    public func probability(of label: String) -> Float? { labels.firstIndex(of: label).map { probabilities[$0] } }

    private func classification(_ index: Int) -> Classification {
        Classification(label: labels[index], probability: probabilities[index])
    }
}
