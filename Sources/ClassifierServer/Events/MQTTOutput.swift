internal import AudioClassifier
internal import Logging

/// Events for an MQTT broker: ON and OFF a class, the record beside it, and what makes Home Assistant show them.
struct MQTTOutput: EventOutput {
    private enum Happening: Sendable {
        case event(EventNotice)
        case connection(MQTTConnection.Change)
        case eventsEnded
    }

    let name = "mqtt"
    private let settings: ServeConfiguration.Events.MQTT
    private let topics: MQTTTopics
    private let connection: MQTTConnection
    private let metrics: ServerMetrics
    private let log: Logger

    /// How long the broker has to acknowledge the last messages, in seconds.
    private static let patience = 3.0
    /// Classes of streams that are known to have been told of; streams without names have new ones for ever.
    private static let mostDiscovered = 10_000

    init(_ settings: ServeConfiguration.Events.MQTT, metrics: ServerMetrics, log: Logger) throws {
        self.settings = settings
        self.metrics = metrics
        self.log = log
        topics = MQTTTopics(prefix: settings.prefix, discovery: settings.discovery)
        connection = try MQTTConnection(settings, availability: topics.availability)
    }

    func run(_ events: AsyncStream<EventNotice>) async {
        let (happenings, end) = AsyncStream.makeStream(of: Happening.self)
        await withDiscardingTaskGroup { tasks in
            tasks.addTask {
                for await event in events { end.yield(.event(event)) }
                end.yield(.eventsEnded)
            }
            tasks.addTask {
                for await change in connection.changes { end.yield(.connection(change)) }
            }
            connection.start()
            await work(happenings, end)
            connection.stop()
            tasks.cancelAll()
        }
    }

    private func work(_ happenings: AsyncStream<Happening>, _ end: AsyncStream<Happening>.Continuation) async {
        var store = MessageStore(limit: settings.store)
        var isConnected = false
        var discovered: Set<String> = []
        var isEnding = false
        var lost = 0
        var isFull = false
        for await happening in happenings {
            switch happening {
            case .event(let event):
                // Discovery comes first, and once, or now and then again: the broker retains it.
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
                if isConnected { log.warning("the broker \(settings.host):\(settings.port) is away: \(reason)") }
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
                // A broker that is away stays away for a while: it is told once.
                if !isFull {
                    log.warning(
                        "events.mqtt.store is full with \(settings.store) messages for \(settings.host):\(settings.port); the oldest are lost"
                    )
                }
                isFull = true
            }
            if isEnding && store.count == 0 { end.finish() }
        }
        if store.count > 0 { log.warning("\(store.count) messages did not reach the broker") }
    }
}
