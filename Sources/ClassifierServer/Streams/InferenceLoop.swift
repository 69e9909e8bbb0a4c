internal import AudioClassifier
internal import AudioFrontend
internal import Kernels
internal import NIOCore
internal import StreamTransformer

/// A thread that classifies. It owns the states of its streams; each iteration advances every ready stream to its next
/// token and encodes these tokens together. A stream stays on its loop.
actor InferenceLoop {
    /// The streams of one model.
    final class Group {
        var batch: PipelineBatch
        /// Streams with queued samples or an end, for the next iteration.
        var ready: [LiveStream] = []
        /// Number of streams in the batch.
        var count = 0
        /// Whether no stream joins any more; the group is freed with its last stream.
        var isRetired = false
        /// The cost of these streams.
        var meter: LoadMeter

        /// - Parameter cost: the first estimate, in seconds of the thread per second of audio.
        init(_ model: AudioModel, capacity: Int, cost: Double) {
            batch = PipelineBatch(model, capacity: min(capacity, PipelineBatch.largestCapacity(model)))
            meter = LoadMeter(cost: cost)
        }
    }

    nonisolated let index: Int
    /// The event loop whose thread the inference loop and its connections share.
    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: any SerialExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    let capacity: Int
    let shared: SharedLoad
    let metrics: ServerMetrics
    let states: StateSaver
    /// Hands a record of a stream to the outputs of the service.
    let publish: @Sendable (Record) -> Void
    /// Streams by the identity of their loaded model; a model that is loaded again has another one.
    var groups: [ObjectIdentifier: Group] = [:]
    var streams: [String: LiveStream] = [:]
    private var sleeping: CheckedContinuation<Void, Never>?
    private var isStopped = false
    private var nextWatcher = 0

    /// - Parameter capacity: the largest number of streams of a model.
    init(
        index: Int, eventLoop: any EventLoop, capacity: Int, shared: SharedLoad, metrics: ServerMetrics,
        states: StateSaver, publish: @escaping @Sendable (Record) -> Void
    ) {
        self.index = index
        self.eventLoop = eventLoop
        executor = eventLoop.executor
        self.capacity = capacity
        self.shared = shared
        self.metrics = metrics
        self.states = states
        self.publish = publish
    }

    // MARK: Streams

    /// Begins an admitted stream.
    func open(_ setup: StreamSetup) throws -> OpenStream {
        let key = ObjectIdentifier(setup.model.network)
        let group =
            groups[key] ?? Group(setup.model, capacity: capacity, cost: shared.cost(of: key, loop: index))
        groups[key] = group
        let (output, outputEnd) = AsyncStream.makeStream(
            of: StreamOutput.self, bufferingPolicy: .bufferingOldest(setup.outputLimit))
        let (completion, completionEnd) = AsyncStream.makeStream(of: Never.self)
        let finalRecords = FinalRecords()
        func make() throws -> LiveStream {
            guard let slot = group.batch.join() else {
                throw AdmissionRefusal(reason: .streams, message: "there is no room for another stream", retryAfter: 10)
            }
            return try LiveStream(
                setup, slot: slot, output: outputEnd, finalRecords: finalRecords, completion: completionEnd)
        }
        var stream = try make()
        var note = setup.note
        var isResumed = false
        if let state = setup.state {
            do {
                try restore(stream, group, state)
                isResumed = true
            } catch {
                // The failed stream may hold a part of the state.
                note = "the state \(StateMismatch.reason(error)); the stream starts afresh"
                group.batch.leave(stream.slot)
                stream = try make()
            }
        }
        if let position = setup.position {
            if isResumed { stream.align(to: position) } else { stream.frontend.skip(position) }
        }
        states.began(setup.id)
        group.count += 1
        streams[setup.id] = stream
        if !stream.queue.isEmpty { wake(for: stream) }
        let start = start(stream, isResumed: isResumed, note: note)
        return OpenStream(
            id: setup.id, loop: self, rate: setup.model.recipe.sampleRate, start: start, output: output,
            finalRecords: finalRecords, completion: completion)
    }

    /// Queues the next samples of a stream, and returns when there is room for more.
    /// - Returns: false if the stream has ended.
    func push(_ samples: [Float], to id: String) async -> Bool {
        guard let stream = streams[id], !stream.isEnding else { return false }
        let now = NIODeadline.now().uptimeNanoseconds
        let new = stream.skippingProcessed(samples)
        stream.pace.spend(Double(new.count) / Double(stream.setup.model.recipe.sampleRate), at: Double(now) * 1e-9)
        if stream.setup.dropsWhenFull {
            metrics.lose(stream.queue.offer(new, arrived: now))
        } else {
            stream.queue.append(new, arrived: now)
        }
        wake(for: stream)
        if !stream.setup.dropsWhenFull && stream.queue.isFull {
            await withCheckedContinuation { sender in
                // The queue may have got room since it was checked.
                if stream.queue.isFull && !stream.isEnding { stream.waiting = sender } else { sender.resume() }
            }
        }
        return true
    }

    /// Queues a gap of samples that the source of a stream lost.
    func lose(_ samples: Int64, of id: String) {
        guard let stream = streams[id], !stream.isEnding else { return }
        stream.queue.lose(samples)
        metrics.lose(Int(samples))
        wake(for: stream)
    }

    /// Ends a stream after its queued samples.
    func end(_ id: String, _ reason: EndReason) {
        guard let stream = streams[id], !stream.isEnding else { return }
        stream.endReason = reason
        // A stream that may be resumed goes on with audio; zeros follow the last sample of a final end only.
        if !reason.isFinal && stream.setup.keepsState { stream.endZeros = 0 }
        wake(for: stream)
    }

    func endAll(_ reason: EndReason) {
        for id in streams.keys.sorted() { end(id, reason) }
    }

    /// Returns the first record for a reader.
    private func start(_ stream: LiveStream, isResumed: Bool, note: String?) -> Record {
        let setup = stream.setup
        let configuration = setup.model.network.configuration
        return .start(
            stream: setup.id, file: nil, rate: setup.model.recipe.sampleRate, hop: setup.model.predictionPeriod,
            model: configuration.name, modelHash: configuration.weightsFile.sha256, labels: configuration.labels.count,
            live: .init(sample: stream.frontend.position, isResumed: isResumed, note: note, time: WallClock.now()))
    }

    /// Adds a watcher to a stream.
    /// - Returns: nil if there is no such stream.
    func watch(
        _ id: String, report: ReportOptions, subscription: Subscription, limit: Int
    ) -> (number: Int, start: Record, output: AsyncStream<StreamOutput>)? {
        guard let stream = streams[id] else { return nil }
        let (output, end) = AsyncStream.makeStream(of: StreamOutput.self, bufferingPolicy: .bufferingOldest(limit))
        nextWatcher += 1
        stream.watchers[nextWatcher] = LiveStream.Watcher(
            subscription: subscription,
            reporter: StreamReporter(stream.setup.model.network.configuration, stream: id, options: report),
            output: end)
        return (nextWatcher, start(stream, isResumed: true, note: nil), output)
    }

    func model(of id: String) -> AudioModel? { streams[id]?.setup.model }

    func unwatch(_ id: String, _ number: Int) { streams[id]?.removeWatcher(number) }

    var statuses: [StreamStatus] { streams.values.map(status) }

    func status(of id: String) -> StreamStatus? { streams[id].map(status) }

    private func status(_ stream: LiveStream) -> StreamStatus {
        let configuration = stream.setup.model.network.configuration
        return StreamStatus(
            id: stream.setup.id, model: configuration.name, rate: stream.setup.model.recipe.sampleRate,
            position: stream.frontend.position,
            predictions: group(of: stream)?.batch.predictions(slot: stream.slot) ?? 0,
            queued: stream.queue.count, dropped: stream.dropped, watchers: stream.watchers.count)
    }

    /// Retires all models but these: they get no new streams and are freed with their last one.
    func retire(except models: [AudioModel]) {
        let kept = Set(models.map { ObjectIdentifier($0.network) })
        for (key, group) in groups where !kept.contains(key) {
            group.isRetired = true
            if group.count == 0 { groups[key] = nil }
        }
    }

    // MARK: State

    /// Returns the current state of a stream; nil if the stream is unknown or cannot be resumed.
    func snapshot(_ id: String) -> [UInt8]? {
        guard let stream = streams[id], stream.setup.keepsState, let group = group(of: stream) else { return nil }
        return snapshot(stream, group)
    }

    func snapshot(_ stream: LiveStream, _ group: Group) -> [UInt8] {
        var writer = StateFile.begin(stream.setup.model)
        group.batch.snapshot(stream.frontend, slot: stream.slot, to: &writer)
        stream.snapshot(to: &writer)
        return StateFile.seal(writer)
    }

    private func restore(_ stream: LiveStream, _ group: Group, _ state: [UInt8]) throws {
        var reader = try StateFile.open(state, model: stream.setup.model)
        try group.batch.restore(&stream.frontend, slot: stream.slot, from: &reader)
        try stream.restore(from: &reader)
        try StateFile.close(reader)
    }

    private func group(of stream: LiveStream) -> Group? {
        groups[ObjectIdentifier(stream.setup.model.network)]
    }

    // MARK: The loop

    /// Classifies until ``stop()``.
    func run() async {
        while !isStopped {
            if iterate() {
                // Lets the connections on this thread run.
                await Task.yield()
            } else {
                await withCheckedContinuation { run in
                    // A stream that became ready since the iteration has already tried to wake the loop.
                    if isStopped || groups.values.contains(where: { !$0.ready.isEmpty }) {
                        run.resume()
                    } else {
                        sleeping = run
                    }
                }
            }
        }
    }

    func stop() {
        isStopped = true
        wake()
    }

    /// Returns as soon as the loop's thread is free, which shows that the loop does not hang.
    func ping() {}

    /// Marks a stream as ready and wakes the loop.
    private func wake(for stream: LiveStream) {
        if !stream.isReady, let group = group(of: stream) {
            stream.isReady = true
            group.ready.append(stream)
        }
        wake()
    }

    private func wake() {
        sleeping?.resume()
        sleeping = nil
    }
}

extension InferenceLoop: StateProvider {
    var positions: [(id: String, position: Int64)] { streams.values.map { ($0.setup.id, $0.frontend.position) } }
}
