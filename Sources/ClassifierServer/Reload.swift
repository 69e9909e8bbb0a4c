internal import AudioClassifier
internal import Logging
internal import StreamTransformer
internal import StrictCoding

/// SIGHUP: the configuration, the models and the certificate are read again. New streams and connections get what is new,
/// running ones keep what they have, and sources that have changed begin anew. What is wrong changes nothing.
struct Reload: Sendable {
    /// Settings that take effect at once; the others are those of sockets, threads and stores that are there already.
    private static let immediate: Set<Substring> = ["model", "models", "streams", "sources"]

    private let read: @Sendable () throws -> ServeConfiguration
    private let catalog: ModelCatalog
    private let hub: StreamHub
    private let sources: SourceKeeper
    /// Nil where the listener speaks plain HTTP.
    private let tls: ServerTLS?
    private let log: Logger
    /// What the service was started with.
    private let first: ServeConfiguration
    private var models: ServiceModels

    init(
        _ first: ServeConfiguration, models: ServiceModels, catalog: ModelCatalog, hub: StreamHub,
        sources: SourceKeeper, tls: ServerTLS?, log: Logger, read: @escaping @Sendable () throws -> ServeConfiguration
    ) {
        self.first = first
        self.models = models
        self.catalog = catalog
        self.hub = hub
        self.sources = sources
        self.tls = tls
        self.log = log
        self.read = read
    }

    mutating func perform() async {
        let next: ServeConfiguration
        let loaded: Loaded
        hub.shared.isReloading = true
        defer { hub.shared.isReloading = false }
        do {
            next = try read()
            loaded = try await load(next)
        } catch {
            log.error(
                "the configuration is not reloaded: \(ClassifierError(error).message); the service goes on with the one that it has"
            )
            return
        }
        for key in next.changes(since: first) where !isImmediate(key, next) {
            log.warning("\(key) has changed, and takes effect when the service is started again")
        }
        models = loaded.models
        // Whether a stream of a model fits is known before the first one can come.
        hub.shared.offer(models.identities, measured: loaded.costs)
        hub.offer(models, defaults: next.streams)
        for loop in hub.loops { await loop.retire(except: models.all) }
        if let tls, let certificate = loaded.certificate, tls.replace(with: certificate) {
            log.notice("new connections get the new certificate, which is good until \(certificate.end)")
        }
        await sources.apply(next.sources, models: models)
        log.notice(
            "the configuration is reloaded: new streams get it",
            metadata: [
                "model": "\(models.standard.model.configuration.name)", "models": "\(models.byName.count)",
                "sources": "\(next.sources.count)",
            ])
    }

    /// Other files for a listener that speaks TLS take effect at once; whether it does is settled when it is opened.
    private func isImmediate(_ key: String, _ next: ServeConfiguration) -> Bool {
        let section = key.prefix { $0 != "." }
        return Self.immediate.contains(section) || section == "tls" && tls != nil && next.tls != nil
    }

    /// What a reload brings, checked.
    private struct Loaded {
        let models: ServiceModels
        /// Of the models that are new.
        let costs: [ObjectIdentifier: Double]
        let certificate: ServerCertificate?
    }

    /// Loads and measures beside the loops' threads, which go on meanwhile.
    @concurrent
    private func load(_ next: ServeConfiguration) async throws -> Loaded {
        let certificate = try next.tls.map { settings in try ServerCertificate(settings) }
        let loaded = try ServiceModels(next, catalog: catalog, keeping: models)
        let known = Set(models.identities)
        let new = loaded.all.filter { !known.contains(ObjectIdentifier($0.model)) }
        let costs = try Calibration.costs(of: new)
        for model in new {
            let cost = costs[ObjectIdentifier(model.model)] ?? 0
            log.info(
                "a second of audio takes \(Decimal.text(cost * 1000, 2)) ms",
                metadata: ["model": "\(model.model.configuration.name)"])
        }
        return Loaded(models: loaded, costs: costs, certificate: certificate)
    }
}
