internal import Kernels
public import StreamTransformer
package import StrictCoding

/// What to tell about a stream, and how.
public struct ReportOptions: Sendable {
    public var emission = Emission.frames
    /// Whether events are told beside frames, changes or a summary.
    public var addsEvents = false
    public var rules: DecisionRules
    /// Labels of a frame or a summary.
    public var topCount = 3
    /// Only every so many-th frame.
    public var every = 1

    public init(rules: DecisionRules) { self.rules = rules }
}

/// Predictions to records: chooses, filters, detects events. One a stream.
public struct StreamReporter: Sendable {
    private let options: ReportOptions
    private let configuration: ModelConfiguration
    private let stream: String
    private var detector: EventDetector
    private var summary: ClipSummary
    private var lastLabel = -1

    public init(_ configuration: ModelConfiguration, stream: String, options: ReportOptions) {
        self.configuration = configuration
        self.stream = stream
        self.options = options
        detector = EventDetector(options.rules)
        summary = ClipSummary(labels: configuration.labels.count)
    }

    /// The records of the next prediction.
    public mutating func records(_ prediction: borrowing Prediction) -> [Record] {
        var records: [Record] = []
        switch options.emission {
        case .frames:
            if prediction.frame % Int64(options.every) == 0 { records = [frame(prediction)] }
        case .changes:
            let label = ranked(prediction.probabilities, 1).first ?? -1
            if label != lastLabel { records = [frame(prediction)] }
            lastLabel = label
        case .events: break
        case .summary: summary.update(prediction)
        }
        if detectsEvents { records += detector.update(prediction).map(record) }
        return records
    }

    /// The records that only the end brings.
    public mutating func finalRecords(file: String, seconds: Double) -> [Record] {
        var records: [Record] = detectsEvents ? detector.finish().map(record) : []
        if options.emission == .summary {
            let labels = configuration.labels
            let scores = summary.scores { configuration.background.contains(labels[$0]) }
            records.append(.summary(file: file, seconds: seconds, top: top(scores)))
        }
        return records
    }

    private var detectsEvents: Bool { options.emission == .events || options.addsEvents }

    private func frame(_ prediction: borrowing Prediction) -> Record {
        .frame(
            stream: stream, frame: prediction.frame, sample: prediction.sample, time: prediction.time,
            warm: prediction.isWarm, top: top(prediction.probabilities), level: prediction.level)
    }

    private func record(_ event: Event) -> Record {
        let label = configuration.labels[event.label]
        return .event(
            id: "\(stream)-\(event.sample)-\(label)", phase: event.phase, stream: stream, label: label,
            start: event.start, end: event.end, peak: event.peak)
    }

    private func top(_ scores: [Float]) -> [Record.Score] {
        ranked(scores, options.topCount).map { .init(label: configuration.labels[$0], probability: scores[$0]) }
    }

    /// The labels with the largest scores, the larger first; equal ones in the labels' order.
    private func ranked(_ scores: [Float], _ count: Int) -> [Int] {
        var best: [Int] = []
        for label in scores.indices where options.rules.isShown[label] {
            guard best.count < count || scores[label] > scores[best[best.count - 1]] else { continue }
            let place = best.firstIndex { scores[label] > scores[$0] } ?? best.count
            best.insert(label, at: place)
            if best.count > count { best.removeLast() }
        }
        return best
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(lastLabel)
        detector.snapshot(to: &writer)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        lastLabel = try reader.readInt(in: -1...configuration.labels.count)
        try detector.restore(from: &reader)
    }
}
