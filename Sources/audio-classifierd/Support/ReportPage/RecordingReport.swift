package import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import StreamTransformer
internal import StrictCoding

/// The results of a recording as a report shows them: pictures in a bounded number of columns, events, and numbers.
package struct RecordingReport: Sendable {
    /// The largest number of columns of the spectrogram and of the curves.
    private static let spectrogramLimit = 12_000
    private static let curveLimit = 4_000
    /// The largest number of labels with a curve and with numbers, and the least peak of the curves beyond the first.
    private static let labelLimit = 20
    private static let leastPeak: Float = 0.1
    /// The range of the spectrogram's colours below its loudest value, in natural logarithms of a magnitude: 80 dB.
    private static let dynamicRange: Float = 9.2

    let name: String
    let model: AudioModel
    private(set) var spectrogram: BoundedColumns
    private(set) var probabilities: BoundedColumns
    private var sums: [Double]
    private var summary: ClipSummary
    private let ranking: LabelRanking
    private var predictionCount = 0
    private(set) var firstTime = 0.0
    private(set) var events: [Event] = []
    private var sampleCount = 0
    /// The address of the recording for the player; nil without one.
    package var audio: String?
    /// What is odd about the recording, such as audio that is missing.
    package var warnings: [String] = []

    /// Begins the report of a recording.
    /// - Parameter ranking: the order of labels in a summary of the recording.
    package init(name: String, model: AudioModel, ranking: LabelRanking) {
        self.name = name
        self.model = model
        self.ranking = ranking
        summary = ClipSummary(model.network.configuration)
        spectrogram = BoundedColumns(height: model.recipe.bands, limit: Self.spectrogramLimit)
        probabilities = BoundedColumns(height: model.labels.count, limit: Self.curveLimit)
        sums = model.labels.map { _ in 0 }
    }

    /// Duration in seconds.
    package var seconds: Double { Double(sampleCount) / Double(model.sampleRate) }

    /// Time, in seconds, that the model takes to notice a sound; the beginnings of events are earlier by it.
    var onsetDelay: Double { Double(model.network.configuration.decision.onsetDelay) / 1000 }

    /// Adds a log-mel frame of the model's front-end.
    package mutating func add(frame: Span<Float>) { spectrogram.append(frame) }

    /// Adds a prediction.
    package mutating func add(_ prediction: Prediction) {
        if predictionCount == 0 { firstTime = prediction.time }
        probabilities.append(prediction.probabilities.span)
        for index in sums.indices { sums[index] += Double(prediction.probabilities[index]) }
        summary.update(prediction)
        predictionCount += 1
    }

    /// Adds an event; one that goes on is ignored, because its end follows.
    package mutating func add(_ event: Event) {
        if !event.isOngoing { events.append(event) }
    }

    /// Ends the recording after a number of samples at the model's rate.
    package mutating func finish(samples: Int) {
        sampleCount = samples
        spectrogram.finish()
        probabilities.finish()
        events.sort { ($0.start, $0.labelIndex) < ($1.start, $1.labelIndex) }
    }

    // MARK: JSON

    /// The recording as a JSON object for the page.
    package var json: String {
        let peaks = peaks
        let shown = shownLabels(peaks)
        let recipe = model.recipe
        var line = JSONWriter(type: "recording")
        line.add("name", name)
        line.add("model", model.name)
        line.add("onset_delay", onsetDelay, decimals: 3)
        line.add("seconds", seconds, decimals: 3)
        line.add("bands", recipe.bands)
        line.add("low_hz", recipe.lowHz, decimals: 1)
        line.add("high_hz", recipe.highHz, decimals: 1)
        line.add("mel_scale", recipe.melScale.rawValue)
        line.add("column_seconds", secondsOf(spectrogram, period: recipe.hop), decimals: 6)
        line.add("columns", spectrogram.count)
        line.add("spectrogram", levels().base64)
        line.add("labels", shown.map { model.labels[$0] })
        let step = secondsOf(probabilities, period: model.predictionPeriod)
        line.add("curve_seconds", step, decimals: 6)
        // The time of the newest prediction in the first column.
        line.add(
            "curve_start", firstTime + step - Double(model.predictionPeriod) / Double(model.sampleRate), decimals: 6)
        line.add("curve_columns", probabilities.count)
        line.add("curves", curves(shown).base64)
        // The label that the recording's summary by `classify` has first.
        let scores = summary.scores
        if let first = scores.isEmpty ? nil : ranking.first(scores) {
            line.add("first", model.labels[first])
        } else {
            line.addNull("first")
        }
        line.add("events", objects: events) { object, event in
            object.add("label", event.label)
            object.add("t0", event.start, decimals: 3)
            object.add("t1", event.end ?? event.start, decimals: 3)
            object.add("p_max", Double(event.peakProbability), decimals: 4)
        }
        line.add("numbers", objects: shown) { object, label in
            let own = events.filter { $0.labelIndex == label }
            object.add("label", model.labels[label])
            object.add("max", Double(peaks[label]), decimals: 4)
            object.add("mean", sums[label] / Double(max(1, predictionCount)), decimals: 4)
            object.add("events", own.count)
            object.add("seconds", own.reduce(0) { $0 + ($1.end ?? $1.start) - $1.start }, decimals: 3)
        }
        line.add("warnings", warnings)
        if let audio { line.add("audio", audio) } else { line.addNull("audio") }
        return line.text
    }

    /// The largest probability of each label.
    var peaks: [Float] {
        var peaks = model.labels.map { _ in Float(0) }
        for (index, value) in probabilities.values.enumerated() {
            peaks[index % peaks.count] = max(peaks[index % peaks.count], value)
        }
        return peaks
    }

    /// Labels with curves: those of events, and the likeliest.
    func shownLabels(_ peaks: [Float]) -> [Int] {
        let heard = Set(events.map(\.labelIndex))
        let ranked = peaks.indices.sorted { (peaks[$0], $1) > (peaks[$1], $0) }
        return ranked.enumerated().filter { rank, label in
            rank == 0 || heard.contains(label) || (rank < Self.labelLimit && peaks[label] >= Self.leastPeak)
        }.map(\.element)
    }

    func secondsOf(_ columns: BoundedColumns, period: Int) -> Double {
        Double(columns.rowsPerColumn * period) / Double(model.sampleRate)
    }

    /// The spectrogram in 256 steps, from silence to the loudest value.
    func levels() -> [UInt8] {
        let loudest = spectrogram.values.max() ?? 0
        let quietest = max(spectrogram.values.min() ?? 0, loudest - dynamicRange)
        let scale = 255 / max(loudest - quietest, 1e-6)
        return spectrogram.values.map { UInt8(max(0, min(255, ($0 - quietest) * scale))) }
    }

    /// The range of the spectrogram's colours in the units of the model's front-end.
    private var dynamicRange: Float {
        let factor: Float =
            switch model.recipe.log {
            case .ln: 1
            case .log10: 0.4343
            case .decibel: 4.343
            }
        return Self.dynamicRange * factor * (model.recipe.spectrum == .power ? 2 : 1)
    }

    /// The probabilities of labels in 256 steps, column by column.
    private func curves(_ labels: [Int]) -> [UInt8] {
        (0..<probabilities.count).flatMap { column in
            labels.map { UInt8(max(0, min(255, probabilities.values[column * probabilities.height + $0] * 255))) }
        }
    }
}

extension [UInt8] {
    /// The bytes in base 64.
    var base64: String { Data(self).base64EncodedString() }
}
