internal import AudioClassifier

/// The additional readers of a stream. Watchers that ask for the same frames share a reporter, so that a prediction is
/// ranked and written as text once for all of them. A flush may end a watcher's connection, which removes the watcher:
/// the owner flushes a copy.
struct StreamWatchers {
    private struct Watcher {
        let subscription: Subscription
        let reader: StreamReader
        /// The number of the watcher's report; nil for a watcher that wants no frames.
        let report: Int?
    }

    private struct Report {
        let options: ReportOptions
        var reporter: StreamReporter
        var watchers = 1
        /// The outputs of the present prediction.
        var outputs: [StreamOutput] = []

        /// Whether frames are all that the options ask for. Changes depend on the time at which a watcher has come.
        var isShared: Bool { options.mode == .frames }

        /// Makes the outputs of a prediction. The text of one watcher's record is left to its connection, which may be
        /// on another thread.
        mutating func update(_ prediction: borrowing Prediction) {
            outputs.removeAll(keepingCapacity: true)
            for record in reporter.records(prediction) {
                outputs.append(watchers == 1 ? .record(record) : .text(record.json))
            }
        }
    }

    private var watchers: [Int: Watcher] = [:]
    private var reports: [Int: Report] = [:]

    var count: Int { watchers.count }

    var wantFeatures: Bool { watchers.values.contains { $0.subscription.features } }

    /// Adds a watcher.
    /// - Parameters:
    ///   - number: a number that no other watcher of the stream has had.
    ///   - reporter: makes the reporter of the options.
    mutating func add(
        _ number: Int, _ reader: StreamReader, subscription: Subscription, options: ReportOptions,
        reporter: (ReportOptions) -> StreamReporter
    ) {
        var report: Int?
        if subscription.frames {
            report = reports.first { $0.value.isShared && $0.value.options == options }?.key ?? number
        }
        watchers[number] = Watcher(subscription: subscription, reader: reader, report: report)
        guard let report else { return }
        if reports[report] == nil {
            reports[report] = Report(options: options, reporter: reporter(options))
        } else {
            reports[report]?.watchers += 1
        }
    }

    mutating func remove(_ number: Int) {
        guard let report = watchers.removeValue(forKey: number)?.report else { return }
        reports[report]?.watchers -= 1
        if reports[report]?.watchers == 0 { reports[report] = nil }
    }

    /// Adds a prediction to the next flush of all watchers.
    /// - Parameters:
    ///   - records: those of the stream itself, whose events the watchers get.
    ///   - features: the log-mel frames of the prediction, if there are any.
    mutating func emit(_ prediction: borrowing Prediction, records: [Record], features: StreamOutput?) {
        guard !watchers.isEmpty else { return }
        for number in Array(reports.keys) { reports[number]?.update(prediction) }
        for watcher in watchers.values {
            if let report = watcher.report {
                for output in reports[report]?.outputs ?? [] { watcher.reader.write(output) }
            }
            for record in records {
                if case .event = record, watcher.subscription.events { watcher.reader.write(.record(record)) }
            }
            if let features, watcher.subscription.features { watcher.reader.write(features) }
        }
    }

    /// Adds a record to the next flush of all watchers.
    func write(_ record: Record) {
        for watcher in watchers.values { watcher.reader.write(.record(record)) }
    }

    func flush() {
        for watcher in watchers.values { watcher.reader.flush() }
    }

    /// Sends the last records of the stream.
    func finish(_ records: [Record]) {
        for watcher in watchers.values {
            watcher.reader.finish(records.filter(watcher.subscription.includes))
            watcher.reader.flush()
        }
    }
}
