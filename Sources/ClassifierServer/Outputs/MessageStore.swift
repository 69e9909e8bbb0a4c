/// A bounded queue of messages for a broker. It keeps messages until they are acknowledged. Streams take turns, and the
/// messages of a stream keep their order. A pure value.
package struct MessageStore {
    /// A message that the broker retains.
    package struct Message: Equatable, Sendable {
        package let topic: String
        /// An empty payload makes the broker forget the topic.
        package let payload: String

        package init(topic: String, payload: String) {
            self.topic = topic
            self.payload = payload
        }
    }

    private struct Entry: Sendable {
        let message: Message
        let stream: String
        /// Number of the event that the message is about; nil for a message about none, or about an event that was
        /// published before.
        let event: Int?
        /// Whether the message repeats what the broker has been sent before. The next connection repeats it anew.
        var isRenewal = false
    }

    /// Largest number of sent messages without acknowledgement. It bounds the queue inside libmosquitto.
    package static let window = 100
    /// Number of connections that may break in a row over a message that is sent alone, before it is given up.
    package static let tries = 3

    package let limit: Int
    private var waiting = TurnQueue<Entry>()
    /// Messages that repeat the present after all waiting ones; the last one is the next.
    private var renewals: [Message] = []
    /// Sent messages without acknowledgement, in the order of sending.
    private var sent: [(number: Int32, entry: Entry)] = []
    /// Connections in a row that broke before any message was acknowledged.
    private var breaks = 0
    private var events = 0
    /// The last event of each stream of which a message was dropped. Its other messages do not count.
    private var lastLost: [String: Int] = [:]
    /// Number of events of which a message was dropped.
    package private(set) var lost = 0
    /// Number of those for which there was no room, the stream of the last one, and the messages of the stream then.
    package private(set) var overflow: (events: Int, stream: String, messages: Int) = (0, "", 0)

    package init(limit: Int) { self.limit = limit }

    /// Number of messages that wait or have no acknowledgement, without repetitions.
    package var count: Int { waiting.count + sent.count { !$0.entry.isRenewal } }

    /// Number of events of which a message waits or has no acknowledgement.
    package var eventCount: Int {
        Set((sent.map(\.entry) + waiting.elements).compactMap(\.event)).count
    }

    /// Topics of waiting messages.
    package var waitingTopics: Set<String> { Set(waiting.elements.map(\.message.topic)) }

    /// Adds the messages of an event of a stream.
    package mutating func add(event messages: [Message], of stream: String) {
        events += 1
        for message in messages { add(Entry(message: message, stream: stream, event: events)) }
    }

    /// Adds messages that concern a stream and are about no single event.
    package mutating func add(_ messages: [Message], of stream: String) {
        for message in messages { add(Entry(message: message, stream: stream, event: nil)) }
    }

    private mutating func add(_ entry: Entry) {
        if count >= limit { makeRoom(for: entry.stream) }
        waiting.append(entry, of: entry.stream)
    }

    /// Drops the oldest event of the stream with most messages. It says least about the present, and a stream with many
    /// messages takes no room from others.
    private mutating func makeRoom(for stream: String) {
        let before = lost
        let largest = waiting.largest(beside: stream)
        if let victim = waiting.count(of: largest) > 0 ? largest : waiting.nextStream {
            let messages = waiting.count(of: victim)
            if let entry = waiting.removeFirst(of: victim) {
                lose(entry)
                // One message of an event says nothing without the others.
                while let event = entry.event, waiting.first(of: victim)?.event == event {
                    _ = waiting.removeFirst(of: victim)
                }
            }
            // Invariant: events are counted one by one.
            if lost > before { overflow = (overflow.events + 1, victim, messages) }
        } else if let oldest = sent.firstIndex(where: { !$0.entry.isRenewal }) {
            let entry = sent.remove(at: oldest).entry
            lose(entry)
            let messages = sent.count { $0.entry.stream == entry.stream }
            // Invariant: events are counted one by one.
            if lost > before { overflow = (overflow.events + 1, entry.stream, messages + 1) }
        }
    }

    /// Replaces the repetitions that follow all waiting messages.
    package mutating func renew(_ messages: [Message]) { renewals = messages.reversed() }

    /// The next message to send; nil if there is none or the window is full.
    package var next: Message? {
        guard sent.count < (breaks == 0 ? Self.window : 1) else { return nil }
        return waiting.next?.message ?? renewals.last
    }

    private mutating func takeNext() -> Entry? {
        if let stream = waiting.nextStream { return waiting.take(of: stream) }
        return renewals.popLast().map { Entry(message: $0, stream: "", event: nil, isRenewal: true) }
    }

    /// Marks the next message as sent under a number.
    package mutating func markSent(_ number: Int32) {
        if let entry = takeNext() { sent.append((number, entry)) }
    }

    /// Drops the next message, which can never be sent.
    package mutating func dropNext() {
        if let entry = takeNext() { lose(entry) }
    }

    package mutating func acknowledge(_ number: Int32) {
        let before = sent.count
        sent.removeAll { $0.number == number }
        if sent.count < before { breaks = 0 }
    }

    /// Schedules all messages without acknowledgement again, after the connection broke. Then messages are sent one by
    /// one until the broker acknowledges one, because a broker may answer a message that it refuses by closing the
    /// connection.
    /// - Returns: a message over which too many connections broke; it is dropped.
    @discardableResult
    package mutating func disconnect() -> Message? {
        var refused: Message?
        if !sent.isEmpty {
            breaks += 1
            if breaks > Self.tries {
                let entry = sent.removeFirst().entry
                refused = entry.message
                lose(entry)
                breaks = 1
            }
        }
        for (_, entry) in sent.reversed() where !entry.isRenewal { waiting.prepend(entry, of: entry.stream) }
        renewals = []
        sent = []
        return refused
    }

    /// Counts the event of a dropped message once.
    private mutating func lose(_ entry: Entry) {
        guard let event = entry.event, event != lastLost[entry.stream] else { return }
        // It bounds the memory of a service whose clients choose names for ever.
        if lastLost.count >= limit { lastLost = lastLost.filter { waiting.count(of: $0.key) > 0 } }
        lastLost[entry.stream] = event
        lost += 1
    }
}
