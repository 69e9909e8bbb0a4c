internal import AudioClassifier
internal import AudioFrontend
internal import Glibc

/// What pictures show of a recording.
extension RecordingReport {
    /// An event as a bar.
    package struct Bar: Sendable {
        package let label: String
        package let start, end: Double

        package init(label: String, start: Double, end: Double) {
            (self.label, self.start, self.end) = (label, start, end)
        }
    }

    /// A class with a curve.
    package struct CurveLabel: Sendable {
        package let index: Int
        package let name: String
        /// Whether the label stands for the absence of all classes.
        package let isBackground: Bool
    }

    /// The colours of a spectrogram from silence to the loudest value, as the pages have them.
    private static let colours: [[Double]] = [
        [6, 6, 18], [58, 15, 99], [139, 35, 105], [211, 66, 64], [248, 139, 42], [250, 235, 162],
    ]
    private static let backgrounds = ["_silence_": "silence", "_unknown_": "other sounds"]

    var bars: [Bar] {
        events.map {
            Bar(label: Self.backgrounds[$0.label] ?? $0.label, start: $0.start, end: $0.end ?? $0.start)
        }
    }

    var modelName: String { model.name }

    /// The classes with curves: those of events, the likeliest ones, and the background.
    var curveLabels: [CurveLabel] {
        let peaks = peaks
        let heard = Set(events.map(\.labelIndex))
        let labels = shownLabels(peaks).map { index in
            let label = model.labels[index]
            return CurveLabel(
                index: index, name: Self.backgrounds[label] ?? label, isBackground: Self.backgrounds[label] != nil)
        }
        func score(_ label: CurveLabel) -> Float {
            (label.isBackground ? -2 : heard.contains(label.index) ? 2 : 0) + peaks[label.index]
        }
        return labels.sorted { (score($0), $1.index) > (score($1), $0.index) }
    }

    /// Returns times and probabilities of a label, the largest one for each of so many columns.
    func curve(_ label: Int, columns: Int) -> [(time: Double, probability: Double)] {
        let step = secondsOf(probabilities, period: model.predictionPeriod)
        let start = firstTime + step - Double(model.predictionPeriod) / Double(model.sampleRate)
        let group = max(1, probabilities.count / max(1, columns))
        return stride(from: 0, to: probabilities.count, by: group).map { first in
            let values = (first..<min(first + group, probabilities.count)).map {
                probabilities.values[$0 * probabilities.height + label]
            }
            return (start + Double(first) * step, Double(values.max() ?? 0))
        }
    }

    /// Time that the spectrogram's columns stand for.
    var spectrogramSeconds: Double { Double(spectrogram.count) * secondsOf(spectrogram, period: model.recipe.hop) }

    /// Returns the spectrogram in so many columns at most, each with the largest values of its frames; nil for one
    /// without frames.
    func image(width: Int) -> PictureImage? {
        let (bands, count) = (spectrogram.height, spectrogram.count)
        guard count > 0, width > 0 else { return nil }
        let levels = levels()
        let columns = min(count, width)
        var pixels = [UInt8](repeating: 0, count: 3 * columns * bands)
        for column in 0..<columns {
            let frames = (column * count / columns)..<max(column * count / columns + 1, (column + 1) * count / columns)
            for band in 0..<bands {
                let level = frames.reduce(UInt8(0)) { max($0, levels[$1 * bands + band]) }
                let pixel = 3 * ((bands - 1 - band) * columns + column)
                pixels.replaceSubrange(pixel..<(pixel + 3), with: Self.colour(level))
            }
        }
        return PictureImage(width: columns, height: bands, pixels: pixels)
    }

    private static func colour(_ level: UInt8) -> [UInt8] {
        let step = min(0.9999, Double(level) / 255) * Double(colours.count - 1)
        // Invariant: the step is below the number of colours less one.
        let below = Int(step)
        return (0..<3).map {
            // Invariant: a value between two colours.
            UInt8(colours[below][$0] + (colours[below + 1][$0] - colours[below][$0]) * (step - Double(below)))
        }
    }

    /// Returns the height of a frequency in the spectrogram, 0 to 1 from its lower edge; nil outside.
    func height(ofHertz hertz: Double) -> Double? {
        let recipe = model.recipe
        guard recipe.lowHz <= hertz, hertz <= recipe.highHz else { return nil }
        func mel(_ hertz: Double) -> Double {
            switch recipe.melScale {
            case .htk: 2595 * log10(1 + hertz / 700)
            case .slaney: hertz < 1000 ? hertz * 0.015 : 15 + 27 * log(hertz / 1000) / log(6.4)
            }
        }
        // Bands are equal steps of the scale, and a band's centre is the middle of its row.
        let step = (mel(recipe.highHz) - mel(recipe.lowHz)) / Double(recipe.bands + 1)
        return ((mel(hertz) - mel(recipe.lowHz)) / step - 0.5) / Double(recipe.bands)
    }
}
