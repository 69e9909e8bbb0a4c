/// Events that wait for an output which may refuse one of them for a while and accept others. Streams take turns, and
/// events of a stream keep their order. A pure value: it sends nothing.
package struct RetryQueue: Sendable {
    package enum Step: Equatable, Sendable {
        case send(StreamEvent)
        /// Wait for so many seconds, or for the next event.
        case wait(Double)
        /// Wait for the next event.
        case idle
    }

    /// The failures of the first event of a stream.
    private struct Failing {
        var tries = 0
        var backoff = Backoff()
        /// Time of the next try.
        var time = -Double.infinity
    }

    /// Largest number of events that wait.
    package let limit: Int
    private var events = TurnQueue<StreamEvent>()
    /// Streams whose first event has failed.
    private var failing: [String: Failing] = [:]
    /// The delay after failures that concern all events.
    private var pause: (backoff: Backoff, until: Double) = (Backoff(), -.infinity)

    package init(limit: Int) { self.limit = limit }

    /// Number of events that wait.
    package var count: Int { events.count }

    /// Adds an event. If there is no room, the stream with most events loses its newest one, so that a stream with many
    /// events takes no room from others. The first event of a stream stays, because it may be under way.
    /// - Returns: the event that is lost, and how many of its stream wait; nil if there is room.
    package mutating func add(_ event: StreamEvent) -> (event: StreamEvent, waiting: Int)? {
        var lost: StreamEvent?
        if events.count >= limit {
            let largest = events.largest(beside: event.stream)
            // Another stream that loses an event has two at least.
            guard largest != event.stream, let newest = events.removeLast(of: largest) else {
                return (event, events.count(of: event.stream))
            }
            lost = newest
        }
        events.append(event, of: event.stream)
        return lost.map { (event: $0, waiting: events.count(of: $0.stream)) }
    }

    /// Returns the next step: the first event of the next stream that does not wait for another try.
    package func next(at time: Double) -> Step {
        guard count > 0 else { return .idle }
        guard time >= pause.until else { return .wait(pause.until - time) }
        var earliest = Double.infinity
        for stream in events.streams {
            let tryTime = failing[stream]?.time ?? -.infinity
            if tryTime <= time, let event = events.first(of: stream) { return .send(event) }
            earliest = min(earliest, tryTime)
        }
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
        guard events.count(of: stream) > 0 else { return (0, false) }
        var failure = failing[stream] ?? Failing()
        // Invariant: tries are at most the setting's.
        failure.tries += 1
        let isLost = failure.tries >= tries
        if concernsAll {
            pause.until = time + pause.backoff.delay()
        } else {
            failure.time = time + failure.backoff.delay()
            events.postpone(stream)
        }
        failing[stream] = failure
        if isLost { remove(stream) }
        return (failure.tries, isLost)
    }

    /// Whether an event has failed and waits for another try.
    package var isFailing: Bool { !failing.isEmpty }

    /// Removes and returns all events, those of a stream in their order.
    package mutating func removeAll() -> [StreamEvent] {
        defer {
            events = TurnQueue()
            failing = [:]
        }
        return events.elements
    }

    private mutating func remove(_ stream: String) {
        _ = events.take(of: stream)
        failing[stream] = nil
    }
}
