internal import StrictCoding

/// What the log says about events that are lost because a queue is full: the first loss at once, and then their number
/// at most once a minute. A pure value.
package struct OverflowReport: Sendable {
    /// The setting of the queue's size.
    private let setting: String
    /// Events that are lost since the last message.
    private var lost = 0
    private var logged = -Double.infinity

    /// Seconds between two messages.
    private static let interval = 60.0

    package init(_ setting: String) { self.setting = setting }

    /// Adds lost events.
    /// - Parameters:
    ///   - stream: the stream of the last one.
    ///   - waiting: how much of the queue the stream has; nil if that is not known.
    /// - Returns: a message for the log; nil within a minute after the last message.
    package mutating func add(_ count: Int = 1, of stream: String, waiting: Int? = nil, at time: Double) -> String? {
        // Invariant: events are counted one by one.
        lost += count
        guard time - logged >= Self.interval else { return nil }
        logged = time
        defer { lost = 0 }
        let most = waiting.map { ", which has most in the queue (\($0))" } ?? ""
        return "\(setting) is full: \(losses); the last one is of the stream \(stream)\(most)"
    }

    /// Returns what the log says at the end of the service; nil if the log has all losses.
    package func finish() -> String? { lost > 0 ? "\(setting) was full: \(losses) since the last message" : nil }

    private var losses: String { Quantity.text(lost, "event is lost", "events are lost") }
}
