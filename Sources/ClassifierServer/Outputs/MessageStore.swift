/// A bounded queue of messages for a broker. It keeps messages until they are acknowledged, and their order. A pure
/// value.
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

    private struct Entry {
        let message: Message
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
    private var waiting: [Entry] = []
    /// Messages that repeat the present after all waiting ones; the last one is the next.
    private var renewals: [Message] = []
    /// Sent messages without acknowledgement, in the order of sending.
    private var sent: [(number: Int32, entry: Entry)] = []
    /// Connections in a row that broke before any message was acknowledged.
    private var breaks = 0
    private var events = 0
    private var lastLost = 0
    /// Number of events of which a message was dropped.
    package private(set) var lost = 0

    package init(limit: Int) { self.limit = limit }

    /// Number of messages that wait or have no acknowledgement, without repetitions.
    package var count: Int { waiting.count + sent.count { !$0.entry.isRenewal } }

    /// Number of events of which a message waits or has no acknowledgement.
    package var eventCount: Int {
        Set((sent.map(\.entry) + waiting).compactMap(\.event)).count
    }

    /// Topics of waiting messages.
    package var waitingTopics: Set<String> { Set(waiting.map(\.message.topic)) }

    /// Adds the messages of an event.
    package mutating func add(event messages: [Message]) {
        events += 1
        for message in messages { add(Entry(message: message, event: events)) }
    }

    /// Adds messages that are about no single event.
    package mutating func add(_ messages: [Message]) {
        for message in messages { add(Entry(message: message, event: nil)) }
    }

    private mutating func add(_ entry: Entry) {
        if count >= limit {
            // The oldest message says least about the present.
            if !waiting.isEmpty {
                lose(waiting.removeFirst())
            } else if let oldest = sent.firstIndex(where: { !$0.entry.isRenewal }) {
                lose(sent.remove(at: oldest).entry)
            }
        }
        waiting.append(entry)
    }

    /// Replaces the repetitions that follow all waiting messages.
    package mutating func renew(_ messages: [Message]) { renewals = messages.reversed() }

    /// The next message to send; nil if there is none or the window is full.
    package var next: Message? {
        guard sent.count < (breaks == 0 ? Self.window : 1) else { return nil }
        return waiting.first?.message ?? renewals.last
    }

    private mutating func takeNext() -> Entry? {
        if !waiting.isEmpty { return waiting.removeFirst() }
        return renewals.popLast().map { Entry(message: $0, event: nil, isRenewal: true) }
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
        waiting = sent.map(\.entry).filter { !$0.isRenewal } + waiting
        renewals = []
        sent = []
        return refused
    }

    /// Counts the event of a dropped message once.
    private mutating func lose(_ entry: Entry) {
        guard let event = entry.event, event != lastLost else { return }
        lastLost = event
        lost += 1
    }
}
