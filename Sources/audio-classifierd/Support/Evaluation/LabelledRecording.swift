package import AudioFrontend

/// A label that was given to a recording or to a part of it.
package struct GivenLabel: Sendable, Hashable {
    package let text: String
    /// Time in the recording in seconds; nil for the whole recording.
    package let range: ClosedRange<Double>?

    package init(text: String, range: ClosedRange<Double>? = nil) {
        self.text = text
        self.range = range
    }
}

/// A recording with its given labels.
package struct LabelledRecording: Sendable, Equatable {
    package let name: FileName
    package var labels: [GivenLabel]
    /// Whether the labels have times. A recording without labels then has no event at all.
    package var isTimed: Bool

    package init(_ name: FileName, labels: [GivenLabel] = [], isTimed: Bool = false) {
        self.name = name
        self.labels = labels
        self.isTimed = isTimed
    }
}
