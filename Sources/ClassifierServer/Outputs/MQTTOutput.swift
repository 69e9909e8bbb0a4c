internal import AudioClassifier
internal import Logging

/// Publishes events to an MQTT broker: ON and OFF for each class, the record beside it, and discovery messages for Home
/// Assistant.
struct MQTTOutput: EventOutput {
    private enum Notification: Sendable {
        case event(EventMessage)
        case connection(MQTTConnection.Change)
        case eventsEnded
    }

    let name = "mqtt"
    private let settings: ServeConfiguration.Events.MQTT
    private let topics: MQTTTopics
    private let connection: MQTTConnection
    private let metrics: ServerMetrics
    private let log: Logger

    /// Time for the broker to acknowledge the last messages, in seconds.
    private static let patience = 3.0
    /// Largest number of remembered discovery messages. It bounds the memory because unnamed streams get new names for
    /// ever.
    private static let mostDiscovered = 10_000

    init(_ settings: ServeConfiguration.Events.MQTT, metrics: ServerMetrics, log: Logger) throws {
        self.settings = settings
        self.metrics = metrics
        self.log = log
        topics = MQTTTopics(prefix: settings.prefix, discovery: settings.discovery)
        connection = try MQTTConnection(settings, availability: topics.availability)
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        let (notifications, end) = AsyncStream.makeStream(of: Notification.self)
        await withDiscardingTaskGroup { tasks in
            tasks.addTask {
                for await event in events { end.yield(.event(event)) }
                end.yield(.eventsEnded)
            }
            tasks.addTask {
                for await change in connection.changes { end.yield(.connection(change)) }
            }
            connection.start()
            await work(notifications, end)
            connection.stop()
            tasks.cancelAll()
        }
    }

    private func work(_ notifications: AsyncStream<Notification>, _ end: AsyncStream<Notification>.Continuation) async {
        var store = MessageStore(limit: settings.store)
        var isConnected = false
        var discovered: Set<String> = []
        var isEnding = false
        var lost = 0
        var isFull = false
        for await notification in notifications {
            switch notification {
            case .event(let event):
                // The discovery message comes before the first event of a class. The broker retains it, and a
                // repetition does no harm.
                if discovered.count >= Self.mostDiscovered { discovered.removeAll() }
                let topic = topics.state(event.stream, event.label)
                if discovered.insert(topic).inserted,
                    let message = topics.discoveryMessage(stream: event.stream, label: event.label)
                {
                    store.add(message)
                }
                for message in topics.messages(
                    stream: event.stream, label: event.label, isStart: event.isStart, json: event.json)
                { store.add(message) }
            case .connection(.connected):
                if !isConnected { log.notice("connected to the broker \(settings.host):\(settings.port)") }
                isConnected = true
                isFull = false
                store.disconnect()
                connection.publish(topics.availability, "online")
            case .connection(.disconnected(let reason)):
                if isConnected {
                    log.warning("the broker \(settings.host):\(settings.port) cannot be reached: \(reason)")
                }
                isConnected = false
                store.disconnect()
            case .connection(.acknowledged(let number)): store.acknowledge(number)
            case .eventsEnded:
                isEnding = true
                Task {
                    try? await Task.sleep(for: .seconds(Self.patience))
                    end.finish()
                }
            }
            while isConnected, let message = store.next, let number = connection.publish(message) {
                store.markSent(number)
            }
            while lost < store.lost {
                lost += 1
                metrics.lostEvent(name)
                // An unreachable broker stays so for a while, so only the first loss is logged.
                if !isFull {
                    log.warning(
                        "events.mqtt.store is full: the oldest of \(settings.store) messages are lost",
                        metadata: ["broker": "\(settings.host):\(settings.port)"])
                }
                isFull = true
            }
            if isEnding && store.count == 0 { end.finish() }
        }
        if store.count > 0 { log.warning("\(store.count) messages did not reach the broker") }
    }
}
