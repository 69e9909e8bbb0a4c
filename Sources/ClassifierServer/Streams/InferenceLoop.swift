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
        /// Streams of the present iteration, and those of them that have a token.
        var advancing: [LiveStream] = []
        var stepped: [LiveStream] = []
        /// Number of streams in the batch.
        var count = 0
        /// Whether no stream joins any more; the group is freed with its last stream.
        var isRetired = false
        /// The cost of these streams.
        var meter: LoadMeter

        /// - Parameter cost: the first estimate, in seconds of the thread's processor time per second of audio.
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
    /// Most watchers of a stream.
    let watcherLimit: Int
    let shared: SharedLoad
    let metrics: ServerMetrics
    let states: StateSaver
    /// Hands a record of a stream to the outputs of the service.
    let publish: @Sendable (Record) -> Void
    /// Streams by the identity of their loaded model; a model that is loaded again has another one.
    var groups: [ObjectIdentifier: Group] = [:]
    var streams: [StreamIdentity: LiveStream] = [:]
    /// Running streams by name.
    var identities: [String: StreamIdentity] = [:]
    /// Streams whose readers have outputs that are not flushed yet.
    private var unflushed: [LiveStream] = []
    private var flushing: [LiveStream] = []
    private var isTurnScheduled = false
    private var isStopping = false
    var nextWatcher = 0

    /// Longest time of a turn; then the connections of the thread get their turn.
    private static let longestTurn = TimeAmount.milliseconds(2)
    /// The pause between turns while streams are ready. An event loop waits for its sockets only if no task is due.
    private static let pause = TimeAmount.microseconds(20)

    /// - Parameters:
    ///   - capacity: the largest number of streams of a model.
    ///   - watcherLimit: the largest number of watchers of a stream.
    init(
        index: Int, eventLoop: any EventLoop, capacity: Int, watcherLimit: Int, shared: SharedLoad,
        metrics: ServerMetrics, states: StateSaver, publish: @escaping @Sendable (Record) -> Void
    ) {
        self.index = index
        self.eventLoop = eventLoop
        executor = eventLoop.executor
        self.capacity = capacity
        self.watcherLimit = watcherLimit
        self.shared = shared
        self.metrics = metrics
        self.states = states
        self.publish = publish
    }

    // MARK: Streams

    /// Begins an admitted stream.
    /// - Parameter hasReader: whether a connection will read the stream's outputs.
    func open(_ setup: StreamSetup, hasReader: Bool) throws -> OpenStream {
        // The stream may have been admitted before the service began to stop.
        guard !isStopping else { throw AdmissionRefusal.stopping }
        let key = ObjectIdentifier(setup.model.network)
        let group =
            groups[key] ?? Group(setup.model, capacity: capacity, cost: shared.cost(of: key, loop: index))
        groups[key] = group
        let identity = StreamIdentity()
        let reader = hasReader ? StreamReader(eventLoop) : nil
        func make() throws -> LiveStream {
            guard let slot = group.batch.join() else {
                throw AdmissionRefusal(reason: .streams, message: "there is no room for another stream", retryAfter: 10)
            }
            do { return try LiveStream(setup, identity: identity, slot: slot, reader: reader) } catch {
                group.batch.leave(slot)
                throw error
            }
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
        stream.begin(at: setup.position, isResumed: isResumed)
        states.began(setup.id)
        group.count += 1
        streams[identity] = stream
        identities[setup.id] = identity
        if stream.hasWork { wake(for: stream) }
        return OpenStream(
            id: setup.id, identity: identity, loop: self, rate: setup.model.recipe.sampleRate,
            start: start(stream, isResumed: isResumed, note: note),
            reader: reader.map { NIOLoopBound($0, eventLoop: eventLoop) })
    }

    /// Performs a call on the loop's thread: at once if the caller is on it.
    nonisolated func perform(_ body: @escaping @Sendable (isolated InferenceLoop) -> Void) {
        if eventLoop.inEventLoop {
            assumeIsolated(body)
        } else {
            eventLoop.execute { self.assumeIsolated(body) }
        }
    }

    /// Hands what a client has sent to its stream; a stream that has ended discards it.
    nonisolated func receive(_ item: StreamInput.Item, of identity: StreamIdentity) {
        if eventLoop.inEventLoop {
            assumeIsolated { $0.take(item, of: identity) }
        } else {
            eventLoop.execute { self.assumeIsolated { $0.take(item, of: identity) } }
        }
    }

    private func take(_ item: StreamInput.Item, of identity: StreamIdentity) {
        guard let stream = streams[identity] else { return }
        stream.receive(item, metrics: metrics)
        if case .ping = item { noteOutput(of: stream) }
        wake(for: stream)
    }

    /// Queues the next samples of a source, and returns when there is room for more.
    /// - Returns: false if the stream has ended.
    func push(_ samples: [Float], to identity: StreamIdentity) async -> Bool {
        guard let stream = streams[identity], !stream.isEnding else { return false }
        stream.enqueue(samples.span, arrived: NIODeadline.now().uptimeNanoseconds, metrics)
        wake(for: stream)
        if !stream.setup.dropsWhenFull && stream.queue.isFull {
            await withCheckedContinuation { sender in
                // The queue may have got room since it was checked.
                if stream.queue.isFull && !stream.isEnding { stream.waiting = sender } else { sender.resume() }
            }
        }
        return true
    }

    /// Queues a gap of samples that a source lost.
    func lose(_ samples: Int64, of identity: StreamIdentity) {
        guard let stream = streams[identity], !stream.isEnding else { return }
        metrics.lose(Int(stream.lose(samples)))
        wake(for: stream)
    }

    /// Ends a stream after its queued samples.
    func end(_ identity: StreamIdentity, _ reason: EndReason) {
        guard let stream = streams[identity], !stream.isEnding else { return }
        stream.end(reason)
        wake(for: stream)
    }

    /// Ends the running stream of a name, and returns when its name is free and its state is saved.
    func endStream(named id: String, _ reason: EndReason) async {
        guard let identity = identities[id] else { return }
        end(identity, reason)
        await ended(identity)
    }

    /// Returns when a stream has ended.
    func ended(_ identity: StreamIdentity) async {
        guard let stream = streams[identity] else { return }
        await withCheckedContinuation { stream.endWaiters.append($0) }
    }

    /// Ends all streams because the service stops, and begins no further one.
    func stop() {
        isStopping = true
        for identity in streams.values.sorted(by: { $0.setup.id < $1.setup.id }).map(\.identity) {
            end(identity, .stopped)
        }
    }

    /// Returns the first record for a reader.
    func start(_ stream: LiveStream, isResumed: Bool, note: String?) -> Record {
        let setup = stream.setup
        let configuration = setup.model.network.configuration
        return .start(
            stream: setup.id, file: nil, rate: setup.model.recipe.sampleRate, hop: setup.model.predictionPeriod,
            model: configuration.name, modelHash: configuration.weightsFile.sha256, labels: configuration.labels.count,
            live: .init(sample: stream.frontend.position, isResumed: isResumed, note: note, time: WallClock.now()))
    }

    func model(of id: String) -> AudioModel? { stream(named: id)?.setup.model }

    func stream(named id: String) -> LiveStream? { identities[id].flatMap { streams[$0] } }

    var statuses: [StreamStatus] { streams.values.map(status) }

    func status(of id: String) -> StreamStatus? { stream(named: id).map(status) }

    private func status(_ stream: LiveStream) -> StreamStatus {
        stream.status(predictions: group(of: stream)?.batch.predictions(slot: stream.slot) ?? 0)
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
        guard let stream = stream(named: id), stream.setup.keepsState, let group = group(of: stream) else {
            return nil
        }
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

    // MARK: Turns

    /// Returns as soon as the loop's thread is free, which shows that the loop does not hang.
    func ping() {}

    /// Marks a stream as ready, and schedules a turn of the loop.
    private func wake(for stream: LiveStream) {
        if !stream.isReady, let group = group(of: stream) {
            stream.isReady = true
            group.ready.append(stream)
        }
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        eventLoop.execute { self.assumeIsolated { $0.turn() } }
    }

    /// Classifies what is ready, and flushes every reader once. All blocks that a wake-up of the thread has brought
    /// are encoded together.
    private func turn() {
        let deadline = NIODeadline.now() + Self.longestTurn
        while iterate() && NIODeadline.now() < deadline {}
        // A write that fails ends its stream, which may need another flush.
        swap(&unflushed, &flushing)
        for stream in flushing {
            stream.isUnflushed = false
            stream.flush()
        }
        flushing.removeAll(keepingCapacity: true)
        isTurnScheduled = groups.values.contains { !$0.ready.isEmpty } || !unflushed.isEmpty
        if isTurnScheduled { eventLoop.scheduleTask(in: Self.pause) { self.assumeIsolated { $0.turn() } } }
    }

    /// Includes the readers of a stream in the flush at the end of the turn.
    func noteOutput(of stream: LiveStream) {
        guard !stream.isUnflushed else { return }
        stream.isUnflushed = true
        unflushed.append(stream)
    }
}

extension InferenceLoop: StateProvider {
    var positions: [(id: String, position: Int64)] {
        streams.values.filter(\.hasState).map { ($0.setup.id, $0.frontend.position) }
    }
}
