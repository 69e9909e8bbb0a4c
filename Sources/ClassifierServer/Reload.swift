internal import ClassifierService
internal import Logging
internal import StreamTransformer

/// SIGHUP: the configuration and the models are read again. New streams get what is new, running streams keep what they
/// have, and sources that have changed begin anew. What is wrong changes nothing.
struct Reload: Sendable {
    /// Settings that take effect at once; the others are those of sockets, threads and stores that are there already.
    private static let immediate: Set<Substring> = ["model", "models", "streams", "sources"]

    private let read: @Sendable () throws -> ServeConfiguration
    private let catalog: ModelCatalog
    private let hub: StreamHub
    private let sources: SourceKeeper
    private let log: Logger
    /// What the service was started with.
    private let first: ServeConfiguration
    private var models: ServiceModels

    init(
        _ first: ServeConfiguration, models: ServiceModels, catalog: ModelCatalog, hub: StreamHub,
        sources: SourceKeeper, log: Logger, read: @escaping @Sendable () throws -> ServeConfiguration
    ) {
        self.first = first
        self.models = models
        self.catalog = catalog
        self.hub = hub
        self.sources = sources
        self.log = log
        self.read = read
    }

    mutating func perform() async {
        let next: ServeConfiguration
        let loaded: ServiceModels
        do {
            next = try read()
            loaded = try await Self.load(next, catalog, models)
        } catch {
            log.error(
                "the configuration is not reloaded: \(ServiceError(error).message); the service goes on with the one that it has"
            )
            return
        }
        for key in next.changes(since: first) where !Self.immediate.contains(key.prefix { $0 != "." }) {
            log.warning("\(key) has changed, and takes effect when the service is started again")
        }
        models = loaded
        hub.offer(loaded, defaults: next.streams)
        for loop in hub.loops { await loop.retire(except: loaded.all) }
        await sources.apply(next.sources, models: loaded)
        log.notice(
            "the configuration is reloaded: new streams get it",
            metadata: [
                "model": "\(loaded.standard.model.configuration.name)", "models": "\(loaded.byName.count)",
                "sources": "\(next.sources.count)",
            ])
    }

    @concurrent
    private static func load(
        _ configuration: ServeConfiguration, _ catalog: ModelCatalog, _ old: ServiceModels
    ) async throws -> ServiceModels {
        try ServiceModels(configuration, catalog: catalog, keeping: old)
    }
}
