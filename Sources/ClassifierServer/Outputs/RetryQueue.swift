/// Events that wait for an output which may refuse one of them for a while and accept others. Events of a stream keep
/// their order; those of other streams do not wait for them. A pure value: it sends nothing.
package struct RetryQueue: Sendable {
    package enum Step: Equatable, Sendable {
        case send(StreamEvent)
        /// Wait for so many seconds, or for the next event.
        case wait(Double)
        /// Wait for the next event.
        case idle
    }

    private struct Row {
        /// Events with the numbers of their arrival, the oldest first.
        var events: [(number: UInt64, event: StreamEvent)] = []
        /// Failed tries of the first event.
        var tries = 0
        var backoff = Backoff()
        /// Time of the next try.
        var time = -Double.infinity
    }

    /// Largest number of events that wait.
    package let limit: Int
    package private(set) var count = 0
    private var rows: [String: Row] = [:]
    private var number: UInt64 = 0
    /// The delay after failures that concern all events.
    private var pause: (backoff: Backoff, until: Double) = (Backoff(), -.infinity)

    package init(limit: Int) { self.limit = limit }

    /// Adds an event.
    /// - Returns: false if there is no room for it.
    package mutating func add(_ event: StreamEvent) -> Bool {
        guard count < limit else { return false }
        rows[event.stream, default: Row()].events.append((number, event))
        // Invariant: events are counted one by one.
        number += 1
        count += 1
        return true
    }

    /// Returns the next step: the oldest event whose time has come.
    package func next(at time: Double) -> Step {
        guard count > 0 else { return .idle }
        guard time >= pause.until else { return .wait(pause.until - time) }
        let ready = rows.values.filter { $0.time <= time }.compactMap(\.events.first)
        if let first = ready.min(by: { $0.number < $1.number }) { return .send(first.event) }
        let earliest = rows.values.reduce(Double.infinity) { min($0, $1.time) }
        return .wait(earliest - time)
    }

    /// Removes the first event of a stream, which was accepted.
    package mutating func accepted(_ stream: String) {
        pause = (Backoff(), -.infinity)
        remove(stream)
    }

    /// Notes a failed try of the first event of a stream.
    /// - Parameters:
    ///   - tries: largest number of tries.
    ///   - concernsAll: whether other events would fail, too, so that they wait as well.
    /// - Returns: the number of its tries, and whether it is given up.
    package mutating func failed(
        _ stream: String, tries: Int, concernsAll: Bool, at time: Double
    ) -> (tries: Int, isLost: Bool) {
        guard var row = rows[stream] else { return (0, false) }
        // Invariant: tries are at most the setting's.
        row.tries += 1
        let isLost = row.tries >= tries
        if concernsAll { pause.until = time + pause.backoff.delay() } else { row.time = time + row.backoff.delay() }
        let count = row.tries
        rows[stream] = row
        if isLost { remove(stream) }
        return (count, isLost)
    }

    /// Whether an event has failed and waits for another try.
    package var isFailing: Bool { rows.values.contains { $0.tries > 0 } }

    /// Removes and returns all events.
    package mutating func removeAll() -> [StreamEvent] {
        defer {
            rows = [:]
            count = 0
        }
        return rows.values.flatMap(\.events).sorted { $0.number < $1.number }.map(\.event)
    }

    private mutating func remove(_ stream: String) {
        guard var row = rows[stream] else { return }
        row.events.removeFirst()
        (row.tries, row.backoff, row.time) = (0, Backoff(), -.infinity)
        rows[stream] = row.events.isEmpty ? nil : row
        // Invariant: the row had an event, which was counted.
        count -= 1
    }
}
