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

    /// Shares of recordings, sounds or labels, each with its name.
    struct Shares: Sendable {
        struct Row: Sendable {
            let name: String
            let share: Double
            /// The interval in which the share lies with a probability of 95 %.
            var interval: ClosedRange<Double>?
        }

        let title: String
        let rows: [Row]
    }

    let title: String
    var confusions: [Confusion] = []
    var bins: [Bin] = []
    var calibrationError: Double?
    var curves: [Curve] = []
    var shares: [Shares] = []
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
            let measured = card["accuracy"]?[key]
            let counts = measured?["confusion"]?.elements.map { $0.elements.compactMap(Self.count) } ?? []
            guard counts.count == labels.count, counts.allSatisfy({ $0.count == labels.count }) else {
                add("Found share of the recordings of each label: \(what)", Self.rows(measured?["recall"]))
                continue
            }
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
        let sets = card["first_label"]?["sets"]?.elements ?? []
        add("Recordings whose first label is right", sets.flatMap(Self.firstLabels))
        let sounds = card["event_times"]?["sets"]?.elements ?? []
        add("Sounds in a stream with an event", sounds.compactMap(Self.reported))
        let streams = Self.rows(card["in_streams"]?["reported"]) { $0["right"] }
        add("Sounds in a stream with the right event, and the interval of 95 %", streams)
    }

    private mutating func add(_ title: String, _ rows: [Shares.Row]) {
        if !rows.isEmpty { shares.append(Shares(title: title, rows: rows)) }
    }

    /// The members of an object that are shares, or that have one as their `value`.
    private static func rows(
        _ object: JSONValue?, _ part: (JSONValue) -> JSONValue? = { $0 }
    ) -> [Shares.Row] {
        guard case .object(let members) = object else { return [] }
        return members.sorted { $0.key < $1.key }.compactMap { name, member in
            let value = part(member)
            guard let share = share(value) ?? share(value?["value"]) else { return nil }
            var row = Shares.Row(name: name, share: share)
            if let low = Self.share(value?["low"]), let high = Self.share(value?["high"]), low <= high {
                row.interval = low...high
            }
            return row
        }
    }

    /// The first labels of recordings with the tree of labels, and with `--labels all`.
    private static func firstLabels(_ set: JSONValue) -> [Shares.Row] {
        guard let name = set["name"]?.string else { return [] }
        return [("right", name), ("all", "\(name), --labels all")].compactMap { key, name in
            share(set[key]).map { Shares.Row(name: name, share: $0) }
        }
    }

    private static func reported(_ set: JSONValue) -> Shares.Row? {
        guard let name = set["name"]?.string, let reported = set["reported"].flatMap(count),
            let sounds = set["sounds"].flatMap(count), reported <= sounds, sounds > 0
        else { return nil }
        return Shares.Row(name: "\(name): \(reported) of \(sounds)", share: Double(reported) / Double(sounds))
    }

    private static func share(_ value: JSONValue?) -> Double? {
        value?.number.flatMap { (0...1).contains($0) ? $0 : nil }
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

    /// Whether there is nothing to draw.
    package var isEmpty: Bool { confusions.isEmpty && bins.isEmpty && curves.isEmpty && shares.isEmpty }

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
