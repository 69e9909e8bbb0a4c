internal import AudioClassifier
package import StreamTransformer
internal import StrictCoding

/// What a plot of a model or an evaluation shows.
package struct PlotData: Sendable {
    /// Numbers of recordings by given and by first label.
    struct Confusion: Sendable {
        let title: String
        let labels: [String]
        let counts: [[Int]]
    }

    /// Probabilities of a range beside the share of them that is right.
    struct Bin: Sendable {
        let low: Double
        let high: Double
        let confidence: Double
        let accuracy: Double
        let count: Int
    }

    /// Found and false events of a label at a series of thresholds.
    struct Curve: Sendable {
        struct Point: Sendable {
            let threshold: Double
            let found: Int
            let falseEvents: Int
        }

        let label: String
        /// Given events.
        let given: Int
        /// Audio without the label.
        let hours: Double
        let points: [Point]
    }

    let title: String
    var confusions: [Confusion] = []
    var bins: [Bin] = []
    var calibrationError: Double?
    var curves: [Curve] = []
    /// The command that would measure what is missing.
    let remedy: String

    /// The plot of an evaluation.
    package init(_ report: EvaluationReport) {
        let evaluation = report.evaluation
        title = "\(report.model) on \(Quantity.text(evaluation.recordings.count, "recording"))"
        remedy = "evaluate recordings that have it"
        if !report.confusion.labels.isEmpty {
            confusions = [
                Confusion(
                    title: "Recordings by given label (rows) and first label (columns)",
                    labels: report.confusion.labels.map { evaluation.labels[$0] }, counts: report.confusion.counts)
            ]
        }
        let reliability = evaluation.reliability
        calibrationError = reliability.expectedError
        bins = reliability.bins.compactMap { bin in
            guard let confidence = bin.confidence, let accuracy = bin.accuracy else { return nil }
            return Bin(
                low: bin.low, high: bin.high, confidence: confidence, accuracy: accuracy, count: bin.count)
        }
        curves = report.curveLabels.map { label in
            Curve(
                label: evaluation.labels[label], given: evaluation.sweep.given[label],
                hours: evaluation.sweep.otherSeconds[label] / 3600,
                points: evaluation.sweep.curve(label).map {
                    Curve.Point(threshold: $0.threshold, found: $0.found, falseEvents: $0.falseEvents)
                })
        }
    }

    /// The plot of a model's card.
    package init(_ model: ModelConfiguration) {
        self.init(model: model.name, labels: model.labels, card: model.card)
    }

    init(model: String, labels: [String], card: JSONValue) {
        title = "\(model): its card"
        remedy = "audio-classifierd evaluate DATA --model \(model) --plot FILE.svg measures it"
        for (key, what) in [("cold", "clips from their beginning"), ("mid_stream", "clips in the middle of a stream")] {
            let counts = card["accuracy"]?[key]?["confusion"]?.elements.map { $0.elements.compactMap(Self.count) } ?? []
            guard counts.count == labels.count, counts.allSatisfy({ $0.count == labels.count }) else { continue }
            confusions.append(
                Confusion(title: "Recordings by given (rows) and first label: \(what)", labels: labels, counts: counts))
        }
        let calibration = card["calibration"]
        calibrationError = calibration?["expected_error"]?.number
        bins = (calibration?["bins"]?.elements ?? []).compactMap { bin in
            guard let confidence = bin["confidence"]?.number, let accuracy = bin["accuracy"]?.number,
                let count = bin["count"].flatMap(Self.count), let low = bin["low"]?.number,
                let high = bin["high"]?.number
            else { return nil }
            return Bin(low: low, high: high, confidence: confidence, accuracy: accuracy, count: count)
        }
        curves = (card["threshold_curves"]?.elements ?? []).compactMap(Self.curve)
    }

    private static func curve(_ value: JSONValue) -> Curve? {
        guard let label = value["label"]?.string, let given = value["given"].flatMap(count),
            let hours = value["hours_without"]?.number
        else { return nil }
        let points = (value["points"]?.elements ?? []).compactMap { point -> Curve.Point? in
            guard let threshold = point["threshold"]?.number, let found = point["found"].flatMap(count),
                let falseEvents = point["false_events"].flatMap(count)
            else { return nil }
            return Curve.Point(threshold: threshold, found: found, falseEvents: falseEvents)
        }
        return Curve(label: label, given: given, hours: hours, points: points)
    }

    /// A whole number that is not negative.
    private static func count(_ value: JSONValue) -> Int? {
        value.number.flatMap { Int(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil }
    }

    /// Sentences on the parts that are not there.
    package var missing: [String] {
        var parts: [String] = []
        if confusions.isEmpty { parts.append("no confusion matrix") }
        if bins.isEmpty { parts.append("no calibration") }
        if curves.isEmpty { parts.append("no threshold curves") }
        return parts.map { "\(title) has \($0); \(remedy)" }
    }
}

extension JSONValue {
    /// The elements of an array; none of another value.
    fileprivate var elements: [JSONValue] { if case .array(let values) = self { values } else { [] } }
}
