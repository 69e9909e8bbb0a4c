internal import AudioClassifier
internal import Glibc
internal import Logging
internal import NIOCore
internal import StreamTransformer

/// Runs the configured sources, each as a task.
actor SourceSupervisor {
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

    /// Starts new sources, ends removed ones, and restarts sources whose settings or model have changed.
    func apply(_ sources: [ServeConfiguration.Source], models: ServiceModels) async {
        func model(_ source: ServeConfiguration.Source) -> ObjectIdentifier {
            ObjectIdentifier((models.model(source.model) ?? models.default).network)
        }
        let wanted = Dictionary(sources.map { ($0.name, $0) }) { first, _ in first }
        let outdated = running.filter { name, running in
            guard let source = wanted[name] else { return true }
            return source != running.source || model(source) != running.model
        }
        await end(Array(outdated.keys))
        for source in sources where running[source.name] == nil {
            hub.metrics.configured(source.name)
            running[source.name] = Running(source: source, model: model(source), task: start(source))
        }
    }

    /// Ends all sources and waits for the end of their commands.
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
            // A file that appears after the start is new from its first byte, however late the task looks for it.
            let isMissing = unsafe access(path, F_OK) != 0 && errno == ENOENT
            let file = FileSource(
                source: source, path: path, fromStart: fromStart || isMissing, hub: hub, idleSeconds: idleSeconds,
                log: log)
            return Task { await file.run() }
        }
    }
}
