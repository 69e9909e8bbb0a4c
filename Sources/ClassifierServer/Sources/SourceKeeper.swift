internal import AudioClassifier
internal import AudioFrontend
internal import Logging
internal import NIOCore
internal import StreamTransformer

/// The sources that run: those of the configuration, each as a task of its own that none of the others waits for.
actor SourceKeeper {
    private struct Running {
        let source: ServeConfiguration.Source
        let model: ObjectIdentifier
        let task: Task<Void, Never>
    }

    private let hub: StreamHub
    private let idleSeconds: Double
    private let group: any EventLoopGroup
    private let log: Logger
    private var running: [String: Running] = [:]

    init(hub: StreamHub, idleSeconds: Double, group: any EventLoopGroup, log: Logger) {
        self.hub = hub
        self.idleSeconds = idleSeconds
        self.group = group
        self.log = log
    }

    /// Whether a source fits the models that there are.
    static func check(
        _ source: ServeConfiguration.Source, models: ServiceModels
    ) throws(ClassifierError) {
        func wrong(_ message: String) -> ClassifierError {
            ClassifierError(.configuration, code: "configuration", "the source \"\(source.name)\": \(message)")
        }
        guard let model = models.model(source.model) else {
            throw wrong("there is no model \"\(source.model ?? "")\" here; add it to models")
        }
        do {
            _ = try DecisionRules(model.model.configuration, source.decision)
            _ = try PCMDecoder(
                name: source.name, format: source.format, sampleRate: source.rate ?? model.recipe.sampleRate,
                channels: source.channels, selection: source.selection, rate: model.recipe.sampleRate)
        } catch { throw wrong(ClassifierError(error).message) }
    }

    /// Starts what is new, ends what is no longer there, and starts anew what has changed, be it its model.
    func apply(_ sources: [ServeConfiguration.Source], models: ServiceModels) async {
        func model(_ source: ServeConfiguration.Source) -> ObjectIdentifier {
            ObjectIdentifier((models.model(source.model) ?? models.standard).model)
        }
        let wanted = Dictionary(sources.map { ($0.name, $0) }) { first, _ in first }
        let others = running.filter { name, running in
            guard let source = wanted[name] else { return true }
            return source != running.source || model(source) != running.model
        }
        await end(Array(others.keys))
        for source in sources where running[source.name] == nil {
            hub.metrics.configured(source.name)
            running[source.name] = Running(source: source, model: model(source), task: start(source))
        }
    }

    /// Ends all of them; commands have ended when this returns.
    func stop() async { await end(Array(running.keys)) }

    private func end(_ names: [String]) async {
        let ending = names.compactMap { running.removeValue(forKey: $0) }
        for source in ending { source.task.cancel() }
        for source in ending { await source.task.value }
    }

    private func start(_ source: ServeConfiguration.Source) -> Task<Void, Never> {
        var log = log
        log[metadataKey: "source"] = "\(source.name)"
        switch source.origin {
        case .command(let arguments):
            let command = CommandSource(
                source: source, arguments: arguments, hub: hub, idleSeconds: idleSeconds, group: group, log: log)
            return Task { await command.run() }
        case .file(let path, let fromStart):
            let file = FileSource(
                source: source, path: path, fromStart: fromStart, hub: hub, idleSeconds: idleSeconds, log: log)
            return Task { await file.run() }
        }
    }
}
