internal import AudioClassifier
internal import Logging
internal import StrictCoding

/// The exchange with a broker over its connections, one after the other: what waits, what has been published, and when
/// to connect again.
struct MQTTExchange {
    enum Notification: Sendable {
        case message(EventMessage)
        case connection(MQTTConnection.Change, number: Int)
        /// It is time to connect.
        case connect
        /// The broker had its time to answer to a connection.
        case deadline(number: Int)
        /// The broker had its time to send what it has retained.
        case settled(number: Int)
    }

    private let settings: ServeConfiguration.Events.MQTT
    private let topics: MQTTTopics
    private let metrics: ServerMetrics
    private let log: Logger
    /// Runs a connection on a thread that may wait for it.
    private let start: @Sendable (MQTTConnection) -> Void
    /// Delivers a notification after a number of seconds.
    private let notify: @Sendable (Notification, Double) -> Void

    private(set) var store: MessageStore
    private var announcements: MQTTAnnouncements
    private var connection: MQTTConnection?
    /// Number of the newest connection.
    private var number = 0
    private var isConnected = false
    private var connectedAt = 0.0
    private var backoff = Backoff()
    /// The last reason in the log since the broker was connected.
    private var reason: String?
    /// Connections in a row that the broker closed at once.
    private var shortConnections = 0
    /// Whether this process has looked for what an earlier one has left.
    private var hasLookedBack = false
    private var lost = 0
    /// Events that had no room in the store and are in the report.
    private var crowdedOut = 0
    private var overflow = OverflowReport("events.mqtt.store")
    private var isFinished = false

    /// Time for a broker to answer, in seconds.
    private static let patience = 10.0
    /// Time for a broker to send what it has retained.
    private static let lookingBack = 5.0
    /// The longest time between two tries.
    private static let longestDelay = 30.0

    static let name = "mqtt"

    init(
        _ settings: ServeConfiguration.Events.MQTT, topics: MQTTTopics, metrics: ServerMetrics, log: Logger,
        start: @escaping @Sendable (MQTTConnection) -> Void,
        notify: @escaping @Sendable (Notification, Double) -> Void
    ) {
        self.settings = settings
        self.topics = topics
        self.metrics = metrics
        self.log = log
        self.start = start
        self.notify = notify
        store = MessageStore(limit: settings.store)
        announcements = MQTTAnnouncements(topics)
    }

    private var broker: String { "\(settings.host):\(settings.port)" }

    mutating func handle(_ notification: Notification) {
        switch notification {
        case .message(.event(let event)):
            let messages = announcements.messages(event)
            store.add(messages.discovery, of: event.stream)
            store.add(event: messages.event, of: event.stream)
        case .message(.streamEnded(let stream)): store.add(announcements.ended(stream), of: stream)
        case .message(.labels(let labels)): announcements.add(labels)
        case .connect: connect()
        case .connection(let change, let number):
            if number == self.number { handle(change) }
        case .deadline(let number):
            guard number == self.number, !isConnected, connection != nil else { return }
            failed("it does not answer")
            connection?.close()
        case .settled(let number):
            if number == self.number { connection?.unsubscribe(topics.states) }
        }
        send()
    }

    private mutating func connect() {
        number += 1
        do throws(ClassifierError) {
            let connection = try MQTTConnection(
                settings, name: topics.service, availability: topics.availability
            ) { [notify, number] in notify(.connection($0, number: number), 0) }
            self.connection = connection
            start(connection)
            notify(.deadline(number: number), Self.patience)
        } catch { ended(error.message) }
    }

    private mutating func handle(_ change: MQTTConnection.Change) {
        switch change {
        case .connected: connected()
        case .acknowledged(let number): store.acknowledge(number)
        case .received(topics.availability, "offline", isRetained: false):
            // The broker has published the last will of a connection that it lost before this one.
            if isConnected { publishAvailability("online") }
        case .received(let topic, let payload, isRetained: true):
            let messages = announcements.messages(retained: payload, on: topic, time: WallClock.now())
            guard !messages.isEmpty, let stream = StreamEvent(json: payload)?.stream else { break }
            log.info("\(topic): an earlier run of the service has left it; it ends")
            store.add(messages, of: stream)
        case .received: break
        case .ended(let reason): ended(reason)
        }
    }

    private mutating func connected() {
        log.notice("connected to the broker \(broker)")
        isConnected = true
        connectedAt = MonotonicClock.now()
        reason = nil
        publishAvailability("online")
        connection?.subscribe(topics.availability)
        // A broker that was restarted may have lost everything that it had retained.
        store.renew(announcements.renewal(without: store.waitingTopics))
        guard !hasLookedBack else { return }
        hasLookedBack = true
        connection?.subscribe(topics.states)
        notify(.settled(number: number), Self.lookingBack)
    }

    private mutating func ended(_ reason: String) {
        let lasted = isConnected ? MonotonicClock.now() - connectedAt : 0
        shortConnections = isConnected && lasted < Self.patience ? shortConnections + 1 : 0
        if lasted >= Self.patience { backoff.reset() }
        isConnected = false
        connection = nil
        guard !isFinished else { return }
        if let refused = store.disconnect() {
            log.warning(
                "the broker \(broker) closes the connection at a message; the message is dropped: \(refused.topic)")
        }
        failed(
            shortConnections < 3
                ? reason
                : "\(reason) again and again; a client of the same name, \(topics.service), may be connected "
                    + "(events.mqtt.client)")
        notify(.connect, min(backoff.delay(), Self.longestDelay))
    }

    /// Counts a failed try, and logs its reason once.
    private mutating func failed(_ reason: String) {
        metrics.outputFailed(Self.name)
        guard reason != self.reason else { return }
        self.reason = reason
        log.warning("the broker \(broker) cannot be reached: \(reason); events wait and are sent later")
    }

    private func publishAvailability(_ text: String) {
        _ = connection?.publish(MessageStore.Message(topic: topics.availability, payload: text))
    }

    private mutating func send() {
        sending: while isConnected, let message = store.next, let connection {
            switch connection.publish(message) {
            case .sent(let number): store.markSent(number)
            case .refused(let reason):
                log.warning("\(message.topic.prefix(200)): the message is dropped: \(reason)")
                store.dropNext()
            case .unavailable: break sending
            }
        }
        while lost < store.lost {
            lost += 1
            metrics.lostEvent(Self.name)
        }
        let full = store.overflow
        guard full.events > crowdedOut else { return }
        // Invariant: both count events one by one.
        let text = overflow.add(
            full.events - crowdedOut, of: full.stream, waiting: full.messages, at: MonotonicClock.now())
        crowdedOut = full.events
        if let text { log.warning("the broker \(broker): \(text)") }
    }

    /// Publishes `offline` and disconnects. After an orderly disconnect the broker does not publish it by itself.
    mutating func finish() {
        guard !isFinished else { return }
        isFinished = true
        if isConnected { publishAvailability("offline") }
        isConnected = false
        connection?.close()
        if let text = overflow.finish() { log.warning("the broker \(broker): \(text)") }
        if store.eventCount > 0 {
            log.warning("\(Quantity.text(store.eventCount, "event")) did not reach the broker \(broker)")
        }
    }

    /// Whether a connection is open or begins.
    var isOpen: Bool { connection != nil }
}
