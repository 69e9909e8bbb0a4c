/// A bounded queue of messages for a broker. It keeps messages until they are acknowledged, and their order. A pure
/// value.
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

    /// Largest number of sent messages without acknowledgement. It bounds the queue inside libmosquitto.
    package static let window = 100

    package let limit: Int
    private var waiting: [Message] = []
    /// Sent messages without acknowledgement, in the order of sending.
    private var sent: [(number: Int32, message: Message)] = []
    /// Number of messages that were dropped because the queue was full.
    package private(set) var lost = 0

    package init(limit: Int) { self.limit = limit }

    package var count: Int { waiting.count + sent.count }

    package mutating func add(_ message: Message) {
        if count >= limit {
            // The oldest message says least about the present.
            if waiting.isEmpty { sent.removeFirst() } else { waiting.removeFirst() }
            lost += 1
        }
        waiting.append(message)
    }

    /// The next message to send; nil if there is none or the window is full.
    package var next: Message? { sent.count < Self.window ? waiting.first : nil }

    /// Marks the next message as sent under a number.
    package mutating func markSent(_ number: Int32) {
        guard !waiting.isEmpty else { return }
        sent.append((number, waiting.removeFirst()))
    }

    package mutating func acknowledge(_ number: Int32) { sent.removeAll { $0.number == number } }

    /// Schedules all messages without acknowledgement again, after the connection broke.
    package mutating func disconnect() {
        waiting = sent.map(\.message) + waiting
        sent = []
    }
}
