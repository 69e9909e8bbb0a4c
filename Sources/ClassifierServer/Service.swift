public import AudioClassifier
internal import AudioFrontend
internal import Glibc
public import Logging
internal import NIOCore
internal import NIOPosix
internal import StreamTransformer
internal import StrictCoding
internal import UnixSignals

/// The service of `serve`: many live streams over sockets, HTTP and WebSocket, until a signal ends it.
public struct Service: Sendable {
    private let configuration: ServeConfiguration
    private let models: ServiceModels
    private let catalog: ModelCatalog
    /// TLS of the HTTP listener; nil for plain HTTP.
    private let tls: ServerTLS?
    private let log: Logger

    /// Time for clients to read their last lines when the service stops, in seconds.
    private static let drainSeconds = 10.0

    /// Checks the files of the configuration, and loads the models and the certificate.
    /// - Throws: if a file is wrong, one cannot be loaded, or a model does not fit the configuration.
    public init(_ configuration: ServeConfiguration, catalog: ModelCatalog = ModelCatalog(), log: Logger) throws {
        self.configuration = configuration
        self.log = log
        self.catalog = catalog
        try configuration.checkFiles()
        try configuration.checkAuthorities()
        models = try ServiceModels(configuration, catalog: catalog)
        tls = try configuration.tls.map { settings in ServerTLS(try ServerCertificate(settings)) }
    }

    /// Checks that the service could start now: it may write its files, and no other program has its sockets.
    /// - Throws: ``ClassifierError`` `configuration` with the setting and the remedy.
    public func checkStart() throws {
        try configuration.checkAccess()
        let listening = configuration.listening
        for (key, address) in [("http", listening.http), ("tcp", listening.tcp), ("unix", listening.unix)] {
            guard let address, let fault = UnixSocketFile.fault(address) else { continue }
            throw configuration.wrong(
                "listen.\(key)", "\(address)",
                "\(fault), choose another path, or check beside a service that runs with --set listen.\(key)=off")
        }
    }

    /// Serves until SIGTERM or SIGINT, then lets streams end properly.
    /// - Parameters:
    ///   - reread: reads the configuration again, after SIGHUP.
    ///   - started: called with the addresses as soon as clients can connect.
    public func run(
        reread: @escaping @Sendable () throws -> ServeConfiguration, started: @Sendable ([String]) -> Void = { _ in }
    ) async throws {
        signal(SIGPIPE, SIG_IGN)
        OpenFileLimit.raise(connections: configuration.limits.connections, log: log)
        let threads =
            configuration.capacity.threads > 0
            ? configuration.capacity.threads : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let metrics = ServerMetrics(log: log)
        let shared = SharedLoad(
            Admission(
                loops: threads, limit: configuration.limits.streams,
                limitPerClient: configuration.limits.streamsPerClient, load: configuration.capacity.load,
                processors: LoadWatch.processors),
            loops: threads, latency: configuration.capacity.latency)
        shared.offer(models.identities, measured: try Calibration.costs(of: models.all))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        // Threads inherit the priority of the thread that makes them. Swift's pool gives its threads the usual one; the
        // main thread has that of the process. A process that may not raise its priority keeps the usual one.
        let which = __priority_which_t(PRIO_PROCESS.rawValue)
        let priority = getpriority(which, id_t(getpid()))
        for loop in group.makeIterator() { try await loop.submit { _ = setpriority(which, 0, priority) }.get() }
        // From here on signals arrive in order and end nothing by themselves: the outputs take over open events.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let states = StateSaver(
            try StateStore(
                folder: configuration.state.folder,
                limit: configuration.state.folder == nil ? configuration.state.kept : configuration.state.files,
                bytes: configuration.state.bytes),
            transfers: configuration.state.transfers, metrics: metrics, log: log)
        let outputs = try makeOutputs(metrics)
        let loops = group.makeIterator().enumerated().map { index, eventLoop in
            InferenceLoop(
                index: index, eventLoop: eventLoop, capacity: configuration.limits.streams,
                watcherLimit: configuration.limits.watchersPerStream, shared: shared, metrics: metrics, states: states,
                publish: { outputs.publish($0) })
        }
        let hub = StreamHub(
            models: models, defaults: configuration.streams, shared: shared, loops: loops, metrics: metrics,
            states: states)
        log.info(
            "a second of audio takes \(Decimal.text(shared.cost * 1000, 2)) ms",
            metadata: ["threads": "\(threads)", "model": "\(models.default.network.configuration.name)"])
        let result = await serve(hub, outputs, signals, group: group, reread: reread, started: started)
        await states.stop()
        try? await group.shutdownGracefully()
        // A signal that comes during the end does nothing.
        withExtendedLifetime(signals) {}
        try result.get()
    }

    /// Makes the outputs of events. They begin with the ends of events that a killed service has left open.
    private func makeOutputs(_ metrics: ServerMetrics) throws -> EventOutputs {
        let service = configuration.events.mqtt?.client ?? ServiceName.of(configuration)
        var outputs = try EventOutputs.make(configuration.events, service: service, metrics: metrics, log: log)
        var open: [StreamEvent] = []
        if let folder = configuration.state.folder, !outputs.isEmpty {
            open = EventJournal.takeOpenEvents(in: folder)
            outputs.append(EventJournal(folder: folder, log: log))
        }
        let all = EventOutputs(outputs, store: configuration.events.store, metrics: metrics, log: log)
        all.offer(models.labels)
        if !open.isEmpty {
            let events = Quantity.text(open.count, "open event")
            log.notice("an earlier run left \(events), which \(Quantity.word(open.count, "ends", "end")) now")
        }
        all.end(open)
        return all
    }

    private func serve(
        _ hub: StreamHub, _ outputs: EventOutputs, _ signals: UnixSignalsSequence, group: MultiThreadedEventLoopGroup,
        reread: @escaping @Sendable () throws -> ServeConfiguration, started: @Sendable ([String]) -> Void
    ) async -> Result<Void, any Error> {
        let files = FileClassification(
            limit: configuration.limits.files, longestSeconds: configuration.limits.fileSeconds, metrics: hub.metrics)
        let gate = ConnectionGate(
            limit: configuration.limits.connections, perSecond: configuration.limits.connectionRate,
            metrics: hub.metrics)
        let systemd = Systemd()
        let listeners = Listeners(
            configuration: configuration, hub: hub, gate: gate, files: files, group: group, tls: tls)
        let sources = SourceSupervisor(hub: hub, idleSeconds: configuration.limits.idleSeconds, group: group, log: log)
        let bound: Listeners.Bound
        do { bound = try await listeners.bind() } catch {
            await files.stop()
            return .failure(error)
        }
        await withDiscardingTaskGroup { work in
            work.addTask { await outputs.run() }
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    await hub.states.run(
                        hub.loops, every: configuration.state.everySeconds, keepHours: configuration.state.keepHours)
                }
                tasks.addTask { await systemd.watch { await hub.ping() } }
                tasks.addTask { await LoadWatch(hub: hub, hasOtherWork: { !files.isIdle }).run() }
                await sources.apply(configuration.sources, models: models)
                started(bound.addresses)
                systemd.ready()
                var reload = Reload(
                    configuration, models: models, catalog: catalog, hub: hub, sources: sources, outputs: outputs,
                    tls: tls, log: log, read: reread)
                if EarlySignals.takeReload() { await Self.perform(&reload, systemd) }
                // Any number of reloads that wait for one in progress are one.
                let (reloads, wishes) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                tasks.addTask {
                    for await signal in signals {
                        guard signal == .sighup else { break }
                        wishes.yield()
                    }
                    wishes.finish()
                }
                for await _ in reloads { await Self.perform(&reload, systemd) }
                Self.restoreSignals()
                systemd.stopping()
                log.notice("stopping: all streams end, and no new ones are accepted")
                files.cancel()
                hub.refuse()
                listeners.connections.announceStop()
                await sources.stop()
                await hub.drain()
                // Connections end by themselves after their streams and answers; slow ones are cancelled.
                await Self.waitUntil(atMost: Self.drainSeconds) {
                    hub.shared.load.streams == 0 && hub.connections.count == 0
                }
                await listeners.close(bound)
                tasks.cancelAll()
            }
            outputs.finish()
        }
        await files.stop()
        return .success(())
    }

    private static func perform(_ reload: inout Reload, _ systemd: Systemd) async {
        systemd.reloading()
        await reload.perform()
        systemd.ready()
    }

    /// Restores the default actions, so that a second SIGTERM or SIGINT ends the program at once.
    private static func restoreSignals() {
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
    }

    private static func waitUntil(atMost seconds: Double, _ isDone: () -> Bool) async {
        // Invariant: the time is a constant of a few seconds.
        let deadline = NIODeadline.now() + .nanoseconds(Int64(seconds * 1e9))
        while !isDone(), NIODeadline.now() < deadline { try? await Task.sleep(for: .milliseconds(10)) }
    }
}
