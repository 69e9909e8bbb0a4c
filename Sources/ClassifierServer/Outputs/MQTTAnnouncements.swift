/// The classes of streams that the service has published, from which it repeats the present to a broker that has lost
/// its memory. A pure value.
package struct MQTTAnnouncements {
    private var topics: MQTTTopics
    /// The newest event of each class, by the topic of the class.
    private var newest: [String: StreamEvent] = [:]
    /// Topics in the order of their first events.
    private var order: [String] = []

    /// Largest number of remembered classes. It bounds the memory of a service whose clients choose names for ever.
    private static let most = 10_000

    package init(_ topics: MQTTTopics) { self.topics = topics }

    /// Adds labels of models.
    package mutating func add(_ labels: Set<String>) { topics.add(labels) }

    /// Returns the messages of an event, and before the first event of a class its discovery.
    package mutating func messages(
        _ event: StreamEvent
    ) -> (discovery: [MessageStore.Message], event: [MessageStore.Message]) {
        let topic = topics.state(event.stream, event.label)
        var discovery: [MessageStore.Message] = []
        if newest[topic] == nil {
            if order.count >= Self.most { forget() }
            order.append(topic)
            discovery = topics.discoveryMessage(stream: event.stream, label: event.label).map { [$0] } ?? []
        }
        newest[topic] = event
        return (discovery, topics.messages(event))
    }

    /// Returns the messages at the end of a stream. The classes of a stream without a name are removed, because nothing
    /// will follow under its generated name.
    package mutating func ended(_ stream: String) -> [MessageStore.Message] {
        guard StreamName.isGenerated(stream) else { return [] }
        let ended = order.filter { newest[$0]?.stream == stream }
        let labels = ended.compactMap { newest.removeValue(forKey: $0)?.label }
        if !ended.isEmpty { order.removeAll { newest[$0] == nil } }
        return labels.flatMap { topics.removal(stream: stream, label: $0) }
    }

    /// Returns the messages that repeat the present.
    /// - Parameter waiting: topics of messages that will be sent anyway.
    package func renewal(without waiting: Set<String>) -> [MessageStore.Message] {
        order.flatMap { topic -> [MessageStore.Message] in
            guard let event = newest[topic] else { return [] }
            let discovery = topics.discoveryMessage(stream: event.stream, label: event.label).map { [$0] } ?? []
            return discovery + (waiting.contains(topic) ? [] : topics.messages(event))
        }
    }

    /// Returns the messages for a record that the broker has retained: if an earlier run has left it, and this run
    /// knows nothing of its class, an open event ends and a stream without a name is removed.
    /// - Parameter time: seconds since 1970.
    package mutating func messages(retained json: String, on topic: String, time: Double) -> [MessageStore.Message] {
        let suffix = "/state"
        guard topic.hasSuffix(suffix), let event = StreamEvent(json: json), let publisher = event.publisher,
            isEarlierRun(publisher)
        else { return [] }
        let old = String(topic.dropLast(suffix.count))
        let new = topics.state(event.stream, event.label)
        guard newest[new] == nil else { return [] }
        if StreamName.isGenerated(event.stream) {
            return topics.removal(stream: event.stream, label: event.label, on: old)
        }
        guard event.isStart else { return [] }
        let end = event.interrupted(time: time)
        // Models with other labels may have changed the topic of a class.
        guard old == new else { return topics.messages(end, on: old) }
        let (discovery, news) = messages(end)
        return discovery + news
    }

    /// Whether a publisher is an earlier run of this service, or another service of this machine that has ended.
    private func isEarlierRun(_ publisher: (service: String, process: String)) -> Bool {
        guard let process = ProcessIdentity(publisher.process), process != .own else { return false }
        return publisher.service == topics.service || process.hasEndedHere
    }

    /// Forgets classes without an open event, or all if that frees none.
    private mutating func forget() {
        newest = newest.filter { $0.value.isStart }
        if newest.count >= Self.most { newest = [:] }
        order.removeAll { newest[$0] == nil }
    }
}
