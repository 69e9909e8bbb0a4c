/// Messages for a broker that may be away: what has not been acknowledged is kept, in order, up to a limit. Pure.
package struct MessageStore {
    package struct Message: Equatable, Sendable {
        package let topic: String
        package let payload: String
        package let isRetained: Bool

        package init(topic: String, payload: String, isRetained: Bool) {
            self.topic = topic
            self.payload = payload
            self.isRetained = isRetained
        }
    }

    /// Messages that are handed over and not acknowledged: libmosquitto keeps what it has got without a bound.
    package static let window = 100

    package let limit: Int
    private var waiting: [Message] = []
    /// Sent, and not acknowledged, in the order in which they were sent.
    private var sent: [(number: Int32, message: Message)] = []
    /// Messages that were dropped because the broker was away for too long.
    package private(set) var lost = 0

    package init(limit: Int) { self.limit = limit }

    package var count: Int { waiting.count + sent.count }

    package mutating func add(_ message: Message) {
        if count >= limit {
            // The oldest says least about how things are now.
            if waiting.isEmpty { sent.removeFirst() } else { waiting.removeFirst() }
            lost += 1
        }
        waiting.append(message)
    }

    /// The next message to send; nil where there is none, or the broker has enough to acknowledge.
    package var next: Message? { sent.count < Self.window ? waiting.first : nil }

    /// The next message has been handed over under this number.
    package mutating func markSent(_ number: Int32) {
        guard !waiting.isEmpty else { return }
        sent.append((number, waiting.removeFirst()))
    }

    package mutating func acknowledge(_ number: Int32) { sent.removeAll { $0.number == number } }

    /// The connection broke: what was not acknowledged is sent again, first.
    package mutating func disconnect() {
        waiting = sent.map(\.message) + waiting
        sent = []
    }
}
