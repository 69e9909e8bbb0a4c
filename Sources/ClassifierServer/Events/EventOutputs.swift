internal import AudioClassifier
internal import Logging

/// Somewhere that events go to.
protocol EventOutput: Sendable {
    /// In metrics and logs.
    var name: String { get }
    /// Takes events until there are no more, which the service's end brings.
    func run(_ events: AsyncStream<EventNotice>) async
}

/// Hands events to every output. Loops never wait for one: each has a bounded store, and what does not fit is counted.
final class EventOutputs: Sendable {
    private let outputs: [any EventOutput]
    private let stores: [AsyncStream<EventNotice>]
    private let ends: [AsyncStream<EventNotice>.Continuation]
    private let metrics: ServerMetrics
    /// Finishes with the events.
    private let ended: (stream: AsyncStream<Never>, continuation: AsyncStream<Never>.Continuation)

    /// What an output gets at the end for what it still has, in seconds.
    private static let patience = 5.0

    /// - Parameter store: events that may wait for an output.
    init(_ outputs: [any EventOutput], store: Int, metrics: ServerMetrics) {
        self.outputs = outputs
        self.metrics = metrics
        let made = outputs.map { _ in
            AsyncStream.makeStream(of: EventNotice.self, bufferingPolicy: .bufferingOldest(store))
        }
        stores = made.map(\.stream)
        ends = made.map(\.continuation)
        ended = AsyncStream.makeStream(of: Never.self)
    }

    func publish(_ record: Record) {
        guard !ends.isEmpty, let notice = EventNotice(record, time: WallClock.now()) else { return }
        for (output, end) in zip(outputs, ends) {
            if case .dropped = end.yield(notice) { metrics.lostEvent(output.name) }
        }
    }

    /// Until ``finish()``, and until the outputs have taken what waits, or have had some time for it.
    func run() async {
        await withTaskGroup(of: Bool.self) { tasks in
            for (output, events) in zip(outputs, stores) {
                tasks.addTask {
                    await output.run(events)
                    return false
                }
            }
            tasks.addTask { [ended = ended.stream] in
                for await _ in ended {}
                try? await Task.sleep(for: .seconds(Self.patience))
                return true
            }
            var running = outputs.count
            while running > 0, let isLate = await tasks.next(), !isLate { running -= 1 }
            tasks.cancelAll()
        }
    }

    func finish() {
        for end in ends { end.finish() }
        ended.continuation.finish()
    }

    /// The outputs that the configuration asks for.
    static func make(
        _ configuration: ServeConfiguration.Events, metrics: ServerMetrics, log: Logger
    ) throws -> [any EventOutput] {
        var outputs: [any EventOutput] = []
        if configuration.standardOutput { outputs.append(StandardOutputEvents(metrics: metrics, log: log)) }
        if let file = configuration.file { outputs.append(EventFile(file, log: log)) }
        if let hook = configuration.webHook { outputs.append(try WebHook(hook, log: log)) }
        if let broker = configuration.mqtt { outputs.append(try MQTTOutput(broker, metrics: metrics, log: log)) }
        return outputs
    }
}
