internal import AudioClassifier
internal import Logging
internal import StreamTransformer
internal import StrictCoding

/// Reloads the configuration, the models and the certificate after SIGHUP. New streams and connections use the new
/// ones, running ones keep theirs, and changed sources restart. If the new configuration has an error, the service logs
/// it and keeps the old one.
struct Reload: Sendable {
    /// Sections that take effect at once; the others concern existing sockets, threads and stores.
    private static let immediate: Set<Substring> = ["model", "models", "streams", "sources"]

    private let read: @Sendable () throws -> ServeConfiguration
    private let catalog: ModelCatalog
    private let hub: StreamHub
    private let sources: SourceSupervisor
    private let outputs: EventOutputs
    /// TLS of the HTTP listener; nil for plain HTTP.
    private let tls: ServerTLS?
    private let log: Logger
    /// The configuration at the start of the service.
    private let first: ServeConfiguration
    private var models: ServiceModels

    init(
        _ first: ServeConfiguration, models: ServiceModels, catalog: ModelCatalog, hub: StreamHub,
        sources: SourceSupervisor, outputs: EventOutputs, tls: ServerTLS?, log: Logger,
        read: @escaping @Sendable () throws -> ServeConfiguration
    ) {
        self.first = first
        self.models = models
        self.catalog = catalog
        self.hub = hub
        self.sources = sources
        self.outputs = outputs
        self.tls = tls
        self.log = log
        self.read = read
    }

    /// Reloads once.
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
                "the configuration is not reloaded: \(ClassifierError(error).message); the service keeps the old one"
            )
            return
        }
        for key in next.changes(since: first) where !isImmediate(key, next) {
            log.warning("\(key) has changed, and takes effect after a restart of the service")
        }
        models = loaded.models
        // Admission must know a model's cost before its first stream.
        hub.shared.offer(models.identities, measured: loaded.costs)
        outputs.offer(models.labels)
        hub.offer(models, defaults: next.streams)
        for loop in hub.loops { await loop.retire(except: models.all) }
        if let tls, let certificate = loaded.certificate, tls.replace(with: certificate) {
            log.notice("new connections get the new certificate, which is valid until \(certificate.end)")
        }
        await sources.apply(next.sources, models: models)
        log.notice(
            "the configuration is reloaded for new streams",
            metadata: [
                "model": "\(models.default.network.configuration.name)", "models": "\(models.byName.count)",
                "sources": "\(next.sources.count)",
            ])
    }

    /// Whether a setting takes effect at once. New certificate files do if the listener already speaks TLS.
    private func isImmediate(_ key: String, _ next: ServeConfiguration) -> Bool {
        let section = key.prefix { $0 != "." }
        return Self.immediate.contains(section) || section == "tls" && tls != nil && next.tls != nil
    }

    /// The checked contents of a reload.
    private struct Loaded {
        let models: ServiceModels
        /// Costs of the new models.
        let costs: [ObjectIdentifier: Double]
        let certificate: ServerCertificate?
    }

    /// Loads and measures on another thread than the loops', which go on meanwhile.
    @concurrent
    private func load(_ next: ServeConfiguration) async throws -> Loaded {
        try next.checkFiles()
        try next.checkAuthorities()
        let certificate = try next.tls.map { settings in try ServerCertificate(settings) }
        let loaded = try ServiceModels(next, catalog: catalog, keeping: models)
        let known = Set(models.identities)
        let new = loaded.all.filter { !known.contains(ObjectIdentifier($0.network)) }
        let costs = try Calibration.costs(of: new)
        for model in new {
            let cost = costs[ObjectIdentifier(model.network)] ?? 0
            log.info(
                "a second of audio takes \(Decimal.text(cost * 1000, 2)) ms",
                metadata: ["model": "\(model.network.configuration.name)"])
        }
        return Loaded(models: loaded, costs: costs, certificate: certificate)
    }
}
