internal import AudioClassifier
internal import AudioFrontend
internal import Kernels
internal import StreamTransformer
internal import StrictCoding

/// A running stream on its inference loop: input, queue, front-end, reporter and readers. The rest of its state is in a
/// slot of the batch.
final class LiveStream {
    /// No stream is longer, so that positions and times never overflow.
    private static let largestPosition: Int64 = 1 << 48
    /// Most items of the input that are handled in one iteration.
    private static let itemsPerIteration = 256
    /// Samples after which no further item is handled in an iteration.
    private static let samplesPerIteration = 4096

    let identity: StreamIdentity
    let setup: StreamSetup
    /// Index of the stream in its batch.
    let slot: Int
    var frontend: PipelineFrontend
    var queue: SampleQueue
    var life = StreamLife()
    /// The stream's own reader; a source has none.
    let reader: StreamReader?
    private(set) var watchers = StreamWatchers()
    /// Zeros after the last sample that the front-end still needs.
    var endZeros: Int
    /// Arrival of the newest classified samples, in nanoseconds of a monotonic clock.
    var arrived: UInt64 = 0
    /// Whether the loop's next iteration includes the stream.
    var isReady = false
    /// Whether readers have outputs that are not flushed yet.
    var isUnflushed = false
    /// The sender of a source, while it waits for room in the queue.
    var waiting: CheckedContinuation<Void, Never>?
    /// Tasks that wait for the end of the stream.
    var endWaiters: [CheckedContinuation<Void, Never>] = []
    private(set) var dropped: Int64 = 0
    /// Whether its state takes the place of the saved one of its name: it continues that, or has had audio.
    private(set) var hasState = false
    /// Audio ahead of real time: the predictions of a client that sends faster are not late.
    private(set) var pace = TokenBucket.realTime
    private var input: StreamInput?
    /// Sentences for the last record.
    private var warnings: [String] = []
    private var isPaused = false
    /// Position behind the last sample that has been queued.
    private var queuedPosition: Int64 = 0
    /// Number of leading samples to skip because the stream has already processed them.
    private var samplesToSkip: Int64 = 0
    private var reporter: StreamReporter
    private var features: [Float] = []

    init(
        _ setup: StreamSetup, identity: StreamIdentity, slot: Int, reader: StreamReader?
    ) throws {
        self.setup = setup
        self.identity = identity
        self.slot = slot
        self.reader = reader
        let rate = setup.model.recipe.sampleRate
        input = try setup.audio.map { audio in
            StreamInput(try audio.decoder(name: setup.id, rate: rate), rate: rate, isResumable: setup.keepsState)
        }
        frontend = try PipelineFrontend(setup.model.tables)
        queue = SampleQueue(limit: setup.queueLimit)
        endZeros = frontend.endZeros
        var report = setup.report
        report.addsEvents = true
        reporter = StreamReporter(
            setup.model.network.configuration, stream: setup.id, identity: setup.eventIdentity,
            options: report)
    }

    /// Whether the stream ends when its queue is empty.
    var isEnding: Bool { !life.isRunning }

    /// Whether an iteration of the loop can advance the stream.
    var hasWork: Bool { !queue.isEmpty || isEnding || input?.isEmpty == false }

    // MARK: Input

    /// Begins at the client's position: samples up to there become a gap, and repeated samples are skipped. The
    /// position of a stream that begins afresh is the client's.
    func begin(at position: Int64?, isResumed: Bool) {
        if let position, !isResumed { frontend.skip(min(position, Self.largestPosition)) }
        queuedPosition = frontend.position
        hasState = isResumed
        guard let position, isResumed else { return }
        let ahead = position.subtractingReportingOverflow(frontend.position).partialValue
        if ahead > 0 { lose(ahead) } else { samplesToSkip = -ahead }
    }

    /// Takes what a client has sent. A first piece is decoded at once, the rest by iterations of the loop.
    func receive(_ item: StreamInput.Item, metrics: ServerMetrics) {
        guard life.isRunning else { return }
        let isFirst = input?.isEmpty == true
        input?.append(item)
        if isFirst { decode(metrics) }
        if !isPaused, input?.isFull == true {
            isPaused = true
            reader?.setReading(false)
        }
    }

    /// Decodes the next piece of the input if the queue has room.
    func decode(_ metrics: ServerMetrics) {
        var samples = 0
        for _ in 0..<Self.itemsPerIteration where samples < Self.samplesPerIteration {
            guard life.isRunning, setup.dropsWhenFull || !queue.isFull else { break }
            do throws(AudioError) {
                let item = try input?.next { span, arrived in
                    samples += span.count
                    enqueue(span, arrived: arrived, metrics)
                }
                switch item {
                case .gap(let lost): metrics.lose(Int(lose(lost)))
                case .ping(let id): reader?.write(.pong(id: id, status(predictions: 0)))
                case .end:
                    warnings = input?.warnings ?? []
                    end(.complete)
                case .lost: end(.lost)
                case .bytes: break
                case nil: samples = Self.samplesPerIteration
                }
            } catch {
                end(.failed(code: error.code.rawValue, message: error.message))
            }
        }
        resumeReading()
    }

    /// Resumes the client's connection if its input has room.
    private func resumeReading() {
        guard isPaused, input?.isFull != true else { return }
        isPaused = false
        reader?.setReading(true)
    }

    /// Queues samples. Those beyond the queue's limit become a gap if the stream's client cannot wait.
    func enqueue(_ samples: Span<Float>, arrived: UInt64, _ metrics: ServerMetrics) {
        let skipped = Int(min(samplesToSkip, Int64(samples.count)))
        samplesToSkip -= Int64(skipped)
        let new = samples.extracting(skipped..<samples.count)
        pace.spend(Double(new.count) / Double(setup.model.recipe.sampleRate), at: Double(arrived) * 1e-9)
        queuedPosition += Int64(new.count)
        if !new.isEmpty { hasState = true }
        if setup.dropsWhenFull {
            metrics.lose(queue.offer(new, arrived: arrived))
        } else {
            queue.append(new, arrived: arrived)
        }
    }

    /// Queues a gap, up to the largest position of a stream.
    /// - Returns: its length.
    @discardableResult
    func lose(_ samples: Int64) -> Int64 {
        let lost = min(samples, max(0, Self.largestPosition - queuedPosition))
        queue.lose(lost)
        queuedPosition += lost
        return lost
    }

    /// Begins the end of the stream. Its undecoded input is discarded.
    func end(_ reason: EndReason) {
        guard life.end(reason) else { return }
        // A stream that may be resumed goes on with audio; zeros follow the last sample of a final end only.
        if !reason.isFinal && setup.keepsState { endZeros = 0 }
        input?.removeAll()
        resumeReading()
    }

    /// Fails the stream at once: what it has queued is discarded.
    func fail(_ failure: ClassifierError) {
        life.fail(.failed(code: failure.code, message: failure.message))
        queue.removeAll()
        input?.removeAll()
        resumeReading()
        endZeros = 0
    }

    /// Resumes a waiting sender if the queue has room again.
    func wakeSender() {
        guard let waiting, !queue.isFull || isEnding else { return }
        self.waiting = nil
        waiting.resume()
    }

    // MARK: Output

    var wantsFeatures: Bool { setup.subscription.features || watchers.wantFeatures }

    /// Keeps a log-mel frame for the readers that want features.
    func addFeatures(_ frame: Span<Float>) {
        for index in frame.indices { features.append(frame[index]) }
    }

    /// Sends a prediction to all readers.
    /// - Parameter firstFrame: index of the first log-mel frame in the prediction.
    /// - Returns: the records of the stream itself.
    func emit(_ prediction: borrowing Prediction, firstFrame: Int64) -> [Record] {
        let records = reporter.records(prediction)
        for record in records where setup.subscription.includes(record) { reader?.write(.record(record)) }
        let output = features.isEmpty ? nil : StreamOutput.features(first: firstFrame, features)
        if let output, setup.subscription.features { reader?.write(output) }
        watchers.emit(prediction, records: records, features: output)
        features.removeAll(keepingCapacity: true)
        return records
    }

    /// Skips lost samples and reports the gap.
    func skip(_ lost: Int64) {
        let gap = Record.gap(stream: setup.id, sample: frontend.position, lost: lost)
        frontend.skip(lost)
        dropped = dropped.addingSaturated(lost)
        reader?.write(.record(gap))
        watchers.write(gap)
    }

    /// Flushes the outputs of an iteration to the readers.
    func flush() {
        reader?.flush()
        let watchers = watchers
        watchers.flush()
    }

    /// Ends the stream: ends open events, then sends the reason and `end` to all readers.
    /// - Returns: the records of the ended events.
    func finish(_ reason: EndReason, predictions: Int64) -> [Record] {
        let seconds = Double(frontend.position) / Double(setup.model.recipe.sampleRate)
        let events = reporter.finalRecords(file: setup.id, seconds: seconds)
        var records = events
        if let failure = reason.failure {
            records.append(.failure(stream: setup.id, code: failure.code, message: failure.message))
        }
        records.append(.end(stream: setup.id, frames: predictions, dropped: dropped, warnings: warnings))
        reader?.finish(records.filter(setup.subscription.includes))
        let watchers = watchers
        self.watchers = StreamWatchers()
        watchers.finish(records)
        waiting?.resume()
        waiting = nil
        for waiter in endWaiters { waiter.resume() }
        endWaiters = []
        return events
    }

    // MARK: Watchers

    /// Adds a watcher.
    /// - Parameter number: a number that no other watcher has had.
    func watch(_ number: Int, _ reader: StreamReader, report: ReportOptions, subscription: Subscription) {
        watchers.add(number, reader, subscription: subscription, options: report) { options in
            StreamReporter(
                setup.model.network.configuration, stream: setup.id, identity: setup.eventIdentity, options: options)
        }
    }

    func unwatch(_ number: Int) { watchers.remove(number) }

    // MARK: State

    /// Returns the stream's figures.
    func status(predictions: Int64) -> StreamStatus {
        StreamStatus(
            id: setup.id, model: setup.model.network.configuration.name, rate: setup.model.recipe.sampleRate,
            position: frontend.position, predictions: predictions, queued: queue.count, dropped: dropped,
            watchers: watchers.count)
    }

    func snapshot(to writer: inout SnapshotWriter) { reporter.snapshot(to: &writer) }

    func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try reporter.restore(
            from: &reader, position: frontend.position, rate: setup.model.recipe.sampleRate)
    }
}

extension TokenBucket {
    /// Real time with the slack of a microphone's blocks, a quarter of a second of audio.
    package static var realTime: TokenBucket { TokenBucket(capacity: 0.25, perSecond: 1) }
}
