internal import AudioClassifier
internal import AudioFrontend
internal import Kernels
internal import StreamTransformer
internal import StrictCoding

/// A running stream on its inference loop: queue, front-end, reporter and readers. The rest of its state is in a slot
/// of the batch.
final class LiveStream {
    /// An additional reader.
    struct Watcher {
        let subscription: Subscription
        var reporter: StreamReporter
        let output: AsyncStream<StreamOutput>.Continuation
    }

    let setup: StreamSetup
    /// Index of the stream in its batch.
    let slot: Int
    var frontend: PipelineFrontend
    var queue: SampleQueue
    /// Audio ahead of real time: a client that sends faster must wait, and its predictions are not late.
    var pace = TokenBucket.realTime
    var watchers: [Int: Watcher] = [:]
    /// Set when no more audio follows; the stream ends when its queue is empty.
    var endReason: EndReason?
    /// Zeros after the last sample that the front-end still needs.
    var endZeros: Int
    /// Arrival of the newest classified samples, in nanoseconds of a monotonic clock.
    var arrived: UInt64 = 0
    /// Whether the loop's next iteration includes the stream.
    var isReady = false
    /// The sender, while it waits for room in the queue.
    var waiting: CheckedContinuation<Void, Never>?
    private(set) var dropped: Int64 = 0
    /// Whether an output was lost because the client reads too slowly.
    private(set) var isBehind = false
    /// Number of leading samples to skip because the stream has already processed them.
    private var samplesToSkip: Int64 = 0
    private var reporter: StreamReporter
    private var features: [Float] = []
    private let output: AsyncStream<StreamOutput>.Continuation
    private let finalRecords: FinalRecords
    private let completion: AsyncStream<Never>.Continuation

    init(
        _ setup: StreamSetup, slot: Int, output: AsyncStream<StreamOutput>.Continuation, finalRecords: FinalRecords,
        completion: AsyncStream<Never>.Continuation
    ) throws {
        self.setup = setup
        self.slot = slot
        frontend = try PipelineFrontend(setup.model.recipe)
        queue = SampleQueue(limit: setup.queueLimit)
        endZeros = frontend.endZeros
        var report = setup.report
        report.addsEvents = true
        reporter = StreamReporter(setup.model.network.configuration, stream: setup.id, options: report)
        self.output = output
        self.finalRecords = finalRecords
        self.completion = completion
    }

    /// Whether the stream ends when its queue is empty.
    var isEnding: Bool { endReason != nil }

    /// Reconciles the client's position with the stream's: samples in between become a gap, and repeated samples are
    /// skipped.
    func align(to position: Int64) {
        let ahead = position - frontend.position
        if ahead > 0 { queue.lose(ahead) } else { samplesToSkip = -ahead }
    }

    /// Returns the samples that the stream has not processed yet.
    func skippingProcessed(_ samples: [Float]) -> [Float] {
        guard samplesToSkip > 0 else { return samples }
        let count = Int(min(samplesToSkip, Int64(samples.count)))
        samplesToSkip -= Int64(count)
        return Array(samples.dropFirst(count))
    }

    var wantsFeatures: Bool { setup.subscription.features || watchers.values.contains { $0.subscription.features } }

    /// Keeps a log-mel frame for the readers that want features.
    func addFeatures(_ frame: Span<Float>) {
        for index in frame.indices { features.append(frame[index]) }
    }

    /// Sends a prediction to all readers.
    /// - Parameter firstFrame: index of the first log-mel frame in the prediction.
    /// - Returns: the records of the stream itself.
    func emit(_ prediction: borrowing Prediction, firstFrame: Int64) -> [Record] {
        let records = reporter.records(prediction)
        isBehind = !send(records.filter(setup.subscription.includes), to: output) || isBehind
        if setup.subscription.features { isBehind = !sendFeatures(firstFrame, to: output) || isBehind }
        for (number, watcher) in watchers {
            var watcher = watcher
            let events = records.filter { if case .event = $0 { watcher.subscription.events } else { false } }
            let frames = watcher.subscription.frames ? watcher.reporter.records(prediction) : []
            watchers[number] = watcher
            var isThere = send(frames + events, to: watcher.output)
            if watcher.subscription.features { isThere = sendFeatures(firstFrame, to: watcher.output) && isThere }
            // A watcher that cannot keep up is removed, and the stream goes on.
            if !isThere { removeWatcher(number) }
        }
        features.removeAll(keepingCapacity: true)
        return records
    }

    /// Skips lost samples and reports the gap.
    func lose(_ samples: Int64) {
        let gap = Record.gap(stream: setup.id, sample: frontend.position, lost: samples)
        frontend.skip(samples)
        dropped = dropped.addingSaturated(samples)
        send([gap], to: output)
        for watcher in watchers.values { send([gap], to: watcher.output) }
    }

    /// Ends the stream: ends open events, then sends the reason and `end` to all readers.
    /// - Returns: the records of the ended events.
    func finish(_ reason: EndReason, predictions: Int64) -> [Record] {
        let seconds = Double(frontend.position) / Double(setup.model.recipe.sampleRate)
        let events = reporter.finalRecords(file: setup.id, seconds: seconds)
        var records = events
        switch reason {
        case .failed(let code, let message):
            records.append(.failure(stream: setup.id, code: code, message: message))
        case .idle(let message): records.append(.failure(stream: setup.id, code: "idle", message: message))
        case .stopped:
            records.append(
                .failure(stream: setup.id, code: "stopping", message: "the service is stopping; connect again"))
        case .complete, .lost: break
        }
        records.append(.end(stream: setup.id, frames: predictions, dropped: dropped))
        finalRecords.set(records.filter(setup.subscription.includes))
        output.finish()
        completion.finish()
        waiting?.resume()
        waiting = nil
        for watcher in watchers.values {
            send(records.filter(watcher.subscription.includes), to: watcher.output)
            watcher.output.finish()
        }
        watchers = [:]
        return events
    }

    func removeWatcher(_ number: Int) { watchers.removeValue(forKey: number)?.output.finish() }

    /// Resumes a waiting sender if the queue has room again.
    func wakeSender() {
        guard let waiting, !queue.isFull else { return }
        self.waiting = nil
        waiting.resume()
    }

    func snapshot(to writer: inout SnapshotWriter) { reporter.snapshot(to: &writer) }

    func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try reporter.restore(
            from: &reader, position: frontend.position, rate: setup.model.recipe.sampleRate)
    }

    @discardableResult
    private func send(_ records: [Record], to output: AsyncStream<StreamOutput>.Continuation) -> Bool {
        guard !records.isEmpty else { return true }
        return deliver(.records(records), to: output)
    }

    @discardableResult
    private func sendFeatures(_ first: Int64, to output: AsyncStream<StreamOutput>.Continuation) -> Bool {
        features.isEmpty || deliver(.features(first: first, features), to: output)
    }

    /// - Returns: false if the reader's buffer is full.
    private func deliver(_ element: StreamOutput, to output: AsyncStream<StreamOutput>.Continuation) -> Bool {
        guard case .dropped = output.yield(element) else { return true }
        return false
    }
}

extension TokenBucket {
    /// Real time with the slack of a microphone's blocks, a quarter of a second of audio.
    package static var realTime: TokenBucket { TokenBucket(capacity: 0.25, perSecond: 1) }
}
