internal import StreamTransformer

/// Scores of fixed windows of a recording, each a ``ClipSummary`` of the predictions in it.
///
/// A prediction belongs to the window in which its newest sample lies.
struct WindowSummary: Sendable {
    /// A window with its scores; without scores if no prediction was made in it.
    struct Window {
        let start: Double
        let end: Double
        let scores: [Float]
    }

    private let length: Double
    private let empty: ClipSummary
    private var index = 0
    private var summary: ClipSummary

    /// - Parameter length: seconds of a window.
    init(length: Double, _ configuration: ModelConfiguration) {
        self.length = length
        empty = ClipSummary(configuration)
        summary = empty
    }

    /// Adds a prediction.
    /// - Returns: the windows that end before it.
    mutating func update(_ prediction: Prediction) -> [Window] {
        var windows: [Window] = []
        while index < windowIndex(endingAt: prediction.time) { windows.append(next()) }
        summary.update(prediction)
        return windows
    }

    /// Returns the windows up to the end of the recording, the last of which may be shorter.
    mutating func finish(seconds: Double) -> [Window] {
        var windows: [Window] = []
        while Double(index) * length < seconds - Self.tolerance { windows.append(next(atMost: seconds)) }
        return windows
    }

    private mutating func next(atMost limit: Double = .infinity) -> Window {
        defer {
            index += 1
            summary = empty
        }
        return Window(
            start: Double(index) * length, end: min(Double(index + 1) * length, limit), scores: summary.scores)
    }

    /// Index of the window that contains the sample which ends at this time.
    private func windowIndex(endingAt time: Double) -> Int {
        // Invariant: a time of fewer than 2^48 samples, and windows of a tenth of a second at least.
        max(0, Int((time / length - Self.tolerance).rounded(.up)) - 1)
    }

    /// Far below a sample's duration, and above the rounding errors of a quotient.
    private static let tolerance = 1e-7
}
