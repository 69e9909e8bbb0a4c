internal import StrictCoding

/// A sound with a beginning and an end.
///
/// An event is reported twice, with the same ``id``: when it starts, and when its end is known.
public struct Event: Sendable, Hashable, Identifiable {
    /// Label of the sound.
    public let label: String
    /// Index of the label in the model's labels.
    public let labelIndex: Int
    /// Sample position of the prediction that started the event.
    public let sample: Int64
    /// Time at which the sound began, in seconds from the beginning of the stream; earlier than ``sample`` by the time
    /// that the model takes to notice it.
    public let start: Double
    /// Time at which the sound ended, in seconds from the beginning of the stream; `nil` while the event goes on.
    public let end: Double?
    /// The largest probability so far.
    public let peakProbability: Float

    /// Whether the event has started and not ended yet.
    public var isOngoing: Bool { end == nil }

    /// Identity within the stream: the same for the start and the end, and the same when the same samples are
    /// classified again.
    public var id: String { "\(sample)-\(label)" }
}

extension Event: CustomStringConvertible {
    /// The label, the times and the probability, such as `yes 0.68 s to 1.04 s, 0.97`.
    public var description: String {
        let times = "\(Decimal.text(start, 2)) s to " + (end.map { "\(Decimal.text($0, 2)) s" } ?? "...")
        return "\(label) \(times), \(Decimal.text(Double(peakProbability), 2))"
    }
}
