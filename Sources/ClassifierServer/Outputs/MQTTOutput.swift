internal import AudioClassifier
internal import Logging
internal import NIOPosix

/// Publishes events to an MQTT broker: ON and OFF for each class, the record beside it, and discovery messages for Home
/// Assistant.
struct MQTTOutput: EventOutput {
    private enum Step: Sendable {
        case exchange(MQTTExchange.Notification)
        case eventsEnded
        case timeIsOver
    }

    let name = MQTTExchange.name
    private let settings: ServeConfiguration.Events.MQTT
    private let topics: MQTTTopics
    private let metrics: ServerMetrics
    private let log: Logger

    /// Time for the broker to acknowledge the last messages, and to close the connection, in seconds.
    private static let patience = (messages: 3.0, close: 1.0)

    /// - Parameter service: the name of this service at the broker.
    /// - Throws: ``ClassifierError`` if certificates cannot be read.
    init(
        _ settings: ServeConfiguration.Events.MQTT, service: String, metrics: ServerMetrics, log: Logger
    ) throws(ClassifierError) {
        self.settings = settings
        self.metrics = metrics
        self.log = log
        topics = MQTTTopics(prefix: settings.prefix, discovery: settings.discovery, service: service)
        _ = try MQTTConnection(settings, name: service, availability: topics.availability) { _ in }
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        let (steps, end) = AsyncStream.makeStream(of: Step.self)
        // A connection blocks its thread, for minutes if the network swallows its packets.
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        var exchange = MQTTExchange(settings, topics: topics, metrics: metrics, log: log) { connection in
            thread.submit { _ in connection.run() }
        } notify: { notification, delay in
            guard delay > 0 else {
                end.yield(.exchange(notification))
                return
            }
            Task {
                try? await Task.sleep(for: .seconds(delay))
                end.yield(.exchange(notification))
            }
        }
        exchange.handle(.connect)
        await withDiscardingTaskGroup { tasks in
            tasks.addTask {
                for await event in events { end.yield(.exchange(.message(event))) }
                end.yield(.eventsEnded)
            }
            await Self.work(&exchange, steps, end)
            exchange.finish()
            tasks.cancelAll()
        }
        thread.shutdownGracefully { _ in }
    }

    private static func work(
        _ exchange: inout MQTTExchange, _ steps: AsyncStream<Step>, _ end: AsyncStream<Step>.Continuation
    ) async {
        func stop(after seconds: Double) {
            Task {
                try? await Task.sleep(for: .seconds(seconds))
                end.yield(.timeIsOver)
            }
        }
        var isEnding = false
        var isFinished = false
        for await step in steps {
            var isLate = false
            switch step {
            case .exchange(let notification): exchange.handle(notification)
            case .eventsEnded:
                isEnding = true
                stop(after: patience.messages)
            case .timeIsOver: isLate = true
            }
            if isFinished {
                if isLate || !exchange.isOpen { break }
            } else if isEnding && (isLate || exchange.store.count == 0) {
                exchange.finish()
                isFinished = true
                guard exchange.isOpen else { break }
                stop(after: patience.close)
            }
        }
        end.finish()
    }
}
