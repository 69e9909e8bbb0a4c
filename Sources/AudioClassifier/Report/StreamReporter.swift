internal import Kernels
package import StreamTransformer
package import StrictCoding

/// Choices for the report on a stream.
package struct ReportOptions: Sendable, Equatable {
    package var mode = ReportMode.frames
    /// Whether events are reported beside frames, changes or a summary.
    package var addsEvents = false
    package var rules: DecisionRules
    /// Number of labels of a frame or a summary.
    package var topCount = 3
    /// Period of reported frames: 1 reports each, 2 every second one.
    package var every = 1
    /// Seconds of the windows that a summary is divided into; nil for one summary of the whole.
    package var window: Double?

    package init(rules: DecisionRules) { self.rules = rules }
}

/// The records of one stream's predictions: chosen, filtered, with detected events.
package struct StreamReporter: Sendable {
    private let options: ReportOptions
    private let configuration: ModelConfiguration
    private let stream: String
    /// The beginning of events' identities.
    private let identity: String
    private var detector: EventDetector
    private var summary: ClipSummary
    /// The order of labels in frames; `nil` if it is that of the probabilities themselves.
    private var smoothed: SmoothedProbabilities?
    private var windows: WindowSummary?
    private var lastLabel = -1

    /// - Parameter identity: the beginning of events' identities; nil is the stream's name.
    package init(
        _ configuration: ModelConfiguration, stream: String, identity: String? = nil, options: ReportOptions
    ) {
        self.configuration = configuration
        self.stream = stream
        self.identity = identity ?? stream
        self.options = options
        detector = EventDetector(options.rules)
        summary = ClipSummary(configuration)
        if configuration.smoothing > 0 {
            smoothed = SmoothedProbabilities(
                labels: configuration.labels.count, timeConstant: Double(configuration.smoothing) / 1000)
        }
        windows = options.window.map { WindowSummary(length: $0, configuration) }
    }

    /// Returns the records of the next prediction.
    /// - Parameter file: the name that windows carry.
    package mutating func records(_ prediction: Prediction, file: String = "-") -> [Record] {
        var records: [Record] = []
        smoothed?.update(prediction)
        switch options.mode {
        case .frames:
            if prediction.index % Int64(options.every) == 0 { records = [frame(prediction)] }
        case .changes:
            let label = options.rules.ranking.first(smoothed?.values ?? prediction.probabilities) ?? -1
            if label != lastLabel { records = [frame(prediction)] }
            lastLabel = label
        case .events: break
        case .summary where windows != nil: records = (windows?.update(prediction) ?? []).map { record($0, file) }
        case .summary: summary.update(prediction)
        }
        if detectsEvents { records += detector.update(prediction).map(record) }
        return records
    }

    /// Returns the records that the end of the stream brings.
    package mutating func finalRecords(file: String, seconds: Double) -> [Record] {
        var records: [Record] = detectsEvents ? detector.finish().map(record) : []
        if options.mode == .summary {
            if windows != nil {
                records += (windows?.finish(seconds: seconds) ?? []).map { record($0, file) }
            } else {
                records.append(.summary(file: file, seconds: seconds, top: top(summary.scores)))
            }
        }
        return records
    }

    private var detectsEvents: Bool { options.mode == .events || options.addsEvents }

    private func frame(_ prediction: Prediction) -> Record {
        Record(prediction, stream: stream, top: top(prediction.probabilities, by: smoothed?.values))
    }

    private func record(_ event: Event) -> Record { Record(event, stream: stream, identity: identity) }

    private func record(_ window: WindowSummary.Window, _ file: String) -> Record {
        .window(file: file, start: window.start, end: window.end, top: top(window.scores))
    }

    /// - Parameter order: the probabilities by which labels are ranked; `nil` is the scores.
    private func top(_ scores: [Float], by order: [Float]? = nil) -> [Classification] {
        options.rules.ranking.ranked(order ?? scores, options.topCount).map {
            .init(label: configuration.labels[$0], probability: scores[$0])
        }
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(lastLabel)
        detector.snapshot(to: &writer)
        smoothed?.snapshot(to: &writer)
    }

    /// Reads the state of a reporter whose stream has reached this position.
    package mutating func restore(
        from reader: inout SnapshotReader, position: Int64, rate: Int
    ) throws(SnapshotReader.Truncated) {
        lastLabel = try reader.readInt(in: -1...configuration.labels.count - 1)
        let time = Double(position) / Double(rate)
        try detector.restore(from: &reader, position: position, time: time)
        try smoothed?.restore(from: &reader, time: time)
    }
}
