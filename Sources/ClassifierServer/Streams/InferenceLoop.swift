internal import AudioClassifier
internal import AudioFrontend
internal import Kernels
internal import NIOCore
internal import StreamTransformer

/// A thread that classifies: it owns its streams' states, and in each turn takes every stream that has something to do to
/// its next token and encodes these tokens together. A stream stays on its loop.
actor InferenceLoop {
    /// The streams of one model.
    final class Group {
        var batch: PipelineBatch
        /// Those that the next turn must look at: something has come, or is left.
        var due: [LiveStream] = []
        /// Of streams that have a place.
        var count = 0
        /// No stream joins any more: the group goes with its last one.
        var isRetired = false
        /// What these streams cost.
        var meter: LoadMeter

        /// - Parameter cost: seconds of the thread that a second of audio costs, as far as is known.
        init(_ model: AudioModel, capacity: Int, cost: Double) {
            batch = PipelineBatch(model, capacity: capacity)
            meter = LoadMeter(cost: cost)
        }
    }

    nonisolated let index: Int
    /// Its thread is the loop's, and that of the connections on it.
    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: any SerialExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    let capacity: Int
    let shared: SharedLoad
    let metrics: ServerMetrics
    let keeper: StateKeeper
    let outputs: EventOutputs
    /// By model: one that is read again is another one, even if its weights are the same.
    var groups: [ObjectIdentifier: Group] = [:]
    var streams: [String: LiveStream] = [:]
    private var sleeping: CheckedContinuation<Void, Never>?
    private var isStopped = false
    private var nextWatcher = 0

    /// - Parameter capacity: the largest number of streams of a model.
    init(
        index: Int, eventLoop: any EventLoop, capacity: Int, shared: SharedLoad, metrics: ServerMetrics,
        keeper: StateKeeper, outputs: EventOutputs
    ) {
        self.index = index
        self.eventLoop = eventLoop
        executor = eventLoop.executor
        self.capacity = capacity
        self.shared = shared
        self.metrics = metrics
        self.keeper = keeper
        self.outputs = outputs
    }

    // MARK: Streams

    /// Begins a stream that has been admitted.
    func open(_ setup: StreamSetup) throws -> OpenStream {
        let key = ObjectIdentifier(setup.model.model)
        let group =
            groups[key] ?? Group(setup.model, capacity: capacity, cost: shared.cost(of: key, loop: index))
        groups[key] = group
        let (output, outputEnd) = AsyncStream.makeStream(
            of: StreamOutput.self, bufferingPolicy: .bufferingOldest(setup.outputLimit))
        let (ended, endedEnd) = AsyncStream.makeStream(of: Never.self)
        let ending = StreamEnding()
        func make() throws -> LiveStream {
            guard let place = group.batch.join() else {
                throw Refusal(reason: .streams, message: "there is no room for another stream", retryAfter: 10)
            }
            return try LiveStream(setup, place: place, output: outputEnd, ending: ending, ended: endedEnd)
        }
        var stream = try make()
        var note = setup.note
        var isResumed = false
        if let state = setup.state {
            do {
                try restore(stream, group, state)
                isResumed = true
            } catch {
                // What was read before the fault may be in there.
                note = "the state \(StateFile.Refusal.reason(error)); the stream starts afresh"
                group.batch.leave(stream.place)
                stream = try make()
            }
        }
        if let position = setup.position {
            if isResumed { stream.align(to: position) } else { stream.frontend.skip(position) }
        }
        keeper.began(setup.id)
        group.count += 1
        streams[setup.id] = stream
        if !stream.queue.isEmpty { wake(for: stream) }
        let start = start(stream, isResumed: isResumed, note: note)
        return OpenStream(
            id: setup.id, loop: self, rate: setup.model.recipe.sampleRate, start: start, output: output,
            ending: ending, ended: ended)
    }

    /// Takes the next samples of a stream, and returns when there is room for more.
    /// - Returns: false where the stream has ended.
    func push(_ samples: [Float], to id: String) async -> Bool {
        guard let stream = streams[id], stream.end == nil else { return false }
        let now = NIODeadline.now().uptimeNanoseconds
        let new = stream.unknown(samples)
        stream.pace.note(Double(new.count) / Double(stream.setup.model.recipe.sampleRate), at: now)
        if stream.setup.isLive {
            metrics.lose(stream.queue.offer(new, arrived: now))
        } else {
            stream.queue.append(new, arrived: now)
        }
        wake(for: stream)
        if !stream.setup.isLive && stream.queue.isFull {
            await withCheckedContinuation { sender in
                // The loop may have turned since the queue was looked at.
                if stream.queue.isFull && stream.end == nil { stream.waiting = sender } else { sender.resume() }
            }
        }
        return true
    }

    /// The source of a stream has lost samples.
    func lose(_ samples: Int64, of id: String) {
        guard let stream = streams[id], stream.end == nil else { return }
        stream.queue.lose(samples)
        metrics.lose(Int(samples))
        wake(for: stream)
    }

    /// Ends a stream, after the samples that wait.
    func end(_ id: String, _ reason: StreamEnd) {
        guard let stream = streams[id], stream.end == nil else { return }
        stream.end = reason
        // Whoever goes on from the state goes on with audio: only behind its end there is silence.
        if !reason.isOver && stream.setup.keepsState { stream.endZeros = 0 }
        wake(for: stream)
    }

    func endAll(_ reason: StreamEnd) {
        for id in streams.keys.sorted() { end(id, reason) }
    }

    /// What a stream's reader is told first.
    private func start(_ stream: LiveStream, isResumed: Bool, note: String?) -> Record {
        let setup = stream.setup
        let configuration = setup.model.model.configuration
        return .start(
            stream: setup.id, file: nil, rate: setup.model.recipe.sampleRate, hop: setup.model.hop,
            model: configuration.name, modelHash: configuration.weights.sha256, labels: configuration.labels.count,
            live: .init(sample: stream.frontend.position, isResumed: isResumed, note: note, time: WallClock.now()))
    }

    /// Looks on from now on.
    /// - Returns: nil where there is no such stream.
    func watch(
        _ id: String, report: ReportOptions, interest: Interest, limit: Int
    ) -> (number: Int, start: Record, output: AsyncStream<StreamOutput>)? {
        guard let stream = streams[id] else { return nil }
        let (output, end) = AsyncStream.makeStream(of: StreamOutput.self, bufferingPolicy: .bufferingOldest(limit))
        nextWatcher += 1
        stream.watchers[nextWatcher] = LiveStream.Watcher(
            interest: interest,
            reporter: StreamReporter(stream.setup.model.model.configuration, stream: id, options: report), output: end)
        return (nextWatcher, start(stream, isResumed: true, note: nil), output)
    }

    func model(of id: String) -> AudioModel? { streams[id]?.setup.model }

    func unwatch(_ id: String, _ number: Int) { streams[id]?.removeWatcher(number) }

    var statuses: [StreamStatus] { streams.values.map(status) }

    func status(of id: String) -> StreamStatus? { streams[id].map(status) }

    private func status(_ stream: LiveStream) -> StreamStatus {
        let configuration = stream.setup.model.model.configuration
        return StreamStatus(
            id: stream.setup.id, model: configuration.name, rate: stream.setup.model.recipe.sampleRate,
            position: stream.frontend.position,
            predictions: group(of: stream)?.batch.predictions(place: stream.place) ?? 0,
            queued: stream.queue.count, dropped: stream.dropped, watchers: stream.watchers.count)
    }

    /// Other models than these get no new streams; what they need is freed with their last one.
    func retire(except models: [AudioModel]) {
        let kept = Set(models.map { ObjectIdentifier($0.model) })
        for (key, group) in groups where !kept.contains(key) {
            group.isRetired = true
            if group.count == 0 { groups[key] = nil }
        }
    }

    // MARK: State

    /// The state of a stream, as it is between two samples; nil where there is none to go on from.
    func snapshot(_ id: String) -> [UInt8]? {
        guard let stream = streams[id], stream.setup.keepsState, let group = group(of: stream) else { return nil }
        return snapshot(stream, group)
    }

    func snapshot(_ stream: LiveStream, _ group: Group) -> [UInt8] {
        var writer = StateFile.begin(stream.setup.model)
        group.batch.snapshot(stream.frontend, place: stream.place, to: &writer)
        stream.snapshot(to: &writer)
        return StateFile.seal(writer)
    }

    private func restore(_ stream: LiveStream, _ group: Group, _ state: [UInt8]) throws {
        var reader = try StateFile.open(state, model: stream.setup.model)
        try group.batch.restore(&stream.frontend, place: stream.place, from: &reader)
        try stream.restore(from: &reader)
        try StateFile.close(reader)
    }

    private func group(of stream: LiveStream) -> Group? {
        groups[ObjectIdentifier(stream.setup.model.model)]
    }

    // MARK: The loop

    /// Classifies until ``stop()``.
    func run() async {
        while !isStopped {
            if turn() {
                // Whatever has arrived meanwhile gets its turn on this thread.
                await Task.yield()
            } else {
                await withCheckedContinuation { run in
                    // Something may have come since the turn: nobody would wake the loop for it again.
                    if isStopped || groups.values.contains(where: { !$0.due.isEmpty }) {
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

    /// Returns when the loop has time: whoever awaits it knows that the loop still turns.
    func beat() {}

    /// The stream has something to do.
    private func wake(for stream: LiveStream) {
        if !stream.isDue, let group = group(of: stream) {
            stream.isDue = true
            group.due.append(stream)
        }
        wake()
    }

    private func wake() {
        sleeping?.resume()
        sleeping = nil
    }
}
