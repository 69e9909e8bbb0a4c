/// A label of a part of a recording: of an event, a window, or the whole recording.
package struct LabelledSpan: Sendable, Equatable {
    package let label: String
    /// Time of the beginning, in seconds from the beginning of the recording.
    package let start: Double
    package let end: Double
    package let probability: Float
    /// Whether it is one of the likeliest labels of a window or a recording, whose spans are equally long.
    package var isRanked = false

    package init(label: String, start: Double, end: Double, probability: Float, isRanked: Bool = false) {
        self.label = label
        self.start = start
        self.end = end
        self.probability = probability
        self.isRanked = isRanked
    }

    /// Returns the spans of a record: an ended event's, or one for each label of a window or a summary.
    package static func all(of record: Record) -> [LabelledSpan] {
        switch record {
        case .event(_, .end, _, let label, let start, let end, let peak):
            return [LabelledSpan(label: label, start: start, end: end ?? start, probability: peak)]
        case .summary(_, let seconds, let top, _): return spans(top, 0, seconds)
        case .window(_, let start, let end, let top, _): return spans(top, start, end)
        case .start, .frame, .event, .error, .skipped, .gap, .failure, .end: return []
        }
    }

    private static func spans(_ top: [Classification], _ start: Double, _ end: Double) -> [LabelledSpan] {
        top.map {
            LabelledSpan(label: $0.label, start: start, end: end, probability: $0.probability, isRanked: true)
        }
    }
}
