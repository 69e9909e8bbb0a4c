internal import AudioClassifier
internal import Logging
internal import NIOConcurrencyHelpers

/// A destination of events.
protocol EventOutput: Sendable {
    /// The name in metrics and logs.
    var name: String { get }
    /// Sends events until their sequence finishes at the service's end.
    func run(_ events: AsyncStream<EventMessage>) async
}

/// Passes events to every output. Each output has a bounded queue; events that do not fit are counted as lost, so that
/// loops never wait for an output.
final class EventOutputs: Sendable {
    private let outputs: [any EventOutput]
    private let queues: [AsyncStream<EventMessage>]
    private let continuations: [AsyncStream<EventMessage>.Continuation]
    private let metrics: ServerMetrics
    private let log: Logger
    /// Reports about events that found no room, in the order of the outputs.
    private let overflows: [NIOLockedValueBox<OverflowReport>]
    /// Finishes together with the events.
    private let completion: (stream: AsyncStream<Never>, continuation: AsyncStream<Never>.Continuation)

    /// Time for an output to send its last events when the service stops, in seconds.
    private static let patience = 5.0

    /// - Parameter store: largest number of events that wait for an output.
    init(_ outputs: [any EventOutput], store: Int, metrics: ServerMetrics, log: Logger) {
        for output in outputs where !(output is EventJournal) { metrics.configured(output: output.name) }
        self.outputs = outputs
        self.metrics = metrics
        self.log = log
        overflows = outputs.map { _ in NIOLockedValueBox(OverflowReport("events.store")) }
        let made = outputs.map { _ in
            AsyncStream.makeStream(of: EventMessage.self, bufferingPolicy: .bufferingOldest(store))
        }
        queues = made.map(\.stream)
        continuations = made.map(\.continuation)
        completion = AsyncStream.makeStream(of: Never.self)
    }

    /// Passes a record on to the outputs if it concerns events.
    func publish(_ record: Record) {
        guard !continuations.isEmpty, let message = EventMessage(record, time: WallClock.now()) else { return }
        send(message)
    }

    /// Passes on the labels of all models.
    func offer(_ labels: Set<String>) { send(.labels(labels)) }

    /// Ends the events that an earlier run of the service could not end.
    func end(_ open: [StreamEvent]) {
        for event in open { send(.event(event.interrupted(time: WallClock.now()))) }
    }

    private func send(_ message: EventMessage) {
        for (index, output) in outputs.enumerated() {
            guard case .dropped = continuations[index].yield(message), case .event(let event) = message else {
                continue
            }
            metrics.lostEvent(output.name)
            let text = overflows[index].withLockedValue { $0.add(of: event.stream, at: MonotonicClock.now()) }
            if let text { log.warning("\(output.name): \(text)") }
        }
    }

    /// Runs the outputs until ``finish()``, and until they have sent their queues or their time is over.
    func run() async {
        await withTaskGroup(of: Bool.self) { tasks in
            for (output, events) in zip(outputs, queues) {
                tasks.addTask {
                    await output.run(events)
                    return false
                }
            }
            tasks.addTask { [completion = completion.stream] in
                for await _ in completion {}
                try? await Task.sleep(for: .seconds(Self.patience))
                return true
            }
            var running = outputs.count
            while running > 0, let isLate = await tasks.next(), !isLate { running -= 1 }
            tasks.cancelAll()
        }
    }

    /// Ends the events.
    func finish() {
        for continuation in continuations { continuation.finish() }
        completion.continuation.finish()
        for (output, overflow) in zip(outputs, overflows) {
            if let text = overflow.withLockedValue({ $0.finish() }) { log.warning("\(output.name): \(text)") }
        }
    }

    /// Returns the configured outputs.
    /// - Parameter service: the name of this service at a broker.
    static func make(
        _ configuration: ServeConfiguration.Events, service: String, metrics: ServerMetrics, log: Logger
    ) throws -> [any EventOutput] {
        var outputs: [any EventOutput] = []
        if configuration.standardOutput { outputs.append(StandardOutputEvents(metrics: metrics, log: log)) }
        if let file = configuration.file { outputs.append(EventFile(file, metrics: metrics, log: log)) }
        if let hook = configuration.webHook {
            outputs.append(try WebHook(hook, store: configuration.store, metrics: metrics, log: log))
        }
        if let broker = configuration.mqtt {
            outputs.append(try MQTTOutput(broker, service: service, metrics: metrics, log: log))
        }
        return outputs
    }
}
