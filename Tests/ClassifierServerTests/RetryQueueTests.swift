internal import ClassifierServer
internal import TestSupport
internal import Testing

/// The queue of a web hook that refuses some events for a while.
@Suite struct RetryQueueTests {
    private func event(_ stream: String, _ label: String = "yes") -> StreamEvent {
        StreamEvent(stream: stream, label: label, isStart: true, json: "{\"id\":\"\(stream)-\(label)\"}")
    }

    /// Notes a failed try, and returns its number and whether the event is given up.
    private func fail(
        _ queue: inout RetryQueue, _ stream: String, tries: Int, concernsAll: Bool = false, at time: Double
    ) -> String {
        let (count, isLost) = queue.failed(stream, tries: tries, concernsAll: concernsAll, at: time)
        return isLost ? "\(count), lost" : "\(count)"
    }

    @Test func othersGoOnWhileAnEventWaits() {
        var queue = RetryQueue(limit: 10)
        for (stream, label) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")] { _ = queue.add(event(stream, label)) }
        #expect(queue.next(at: 0) == .send(event("a", "1")))
        let first = fail(&queue, "a", tries: 3, at: 0)
        #expect(first == "1")
        #expect(queue.next(at: 0.1) == .send(event("b", "1")), "the second event of a waits for the first")
        queue.accepted("b")
        #expect(queue.next(at: 0.1) == .send(event("b", "2")))
        queue.accepted("b")
        #expect(queue.isFailing, "an accepted event of b says nothing about a")
        #expect(queue.next(at: 0.1) == .wait(Backoff.first - 0.1))
        #expect(queue.next(at: Backoff.first) == .send(event("a", "1")))
        let second = fail(&queue, "a", tries: 3, at: 1)
        #expect(second == "2" && queue.next(at: 1) == .wait(2 * Backoff.first))
        let third = fail(&queue, "a", tries: 3, at: 2)
        #expect(third == "3, lost" && !queue.isFailing)
        #expect(queue.next(at: 2) == .send(event("a", "2")), "the event that is given up holds nothing back")
        queue.accepted("a")
        #expect(queue.next(at: 2) == .idle && queue.count == 0)
    }

    /// Nothing is sent to a receiver that is not there, until the delay is over.
    @Test func allWaitForAReceiverThatIsAway() {
        var queue = RetryQueue(limit: 10)
        _ = (queue.add(event("a")), queue.add(event("b")))
        let first = fail(&queue, "a", tries: 9, concernsAll: true, at: 0)
        #expect(first == "1" && queue.next(at: 0.1) == .wait(Backoff.first - 0.1))
        #expect(queue.next(at: Backoff.first) == .send(event("a")))
        let second = fail(&queue, "a", tries: 9, concernsAll: true, at: 1)
        #expect(second == "2" && queue.next(at: 1) == .wait(2 * Backoff.first))
        queue.accepted("a")
        #expect(queue.next(at: 1) == .send(event("b")))
    }

    @Test func roomIsBounded() {
        var queue = RetryQueue(limit: 2)
        let added = ["a", "b", "c"].map { queue.add(event($0)) }
        #expect(added == [true, true, false])
        let rest = queue.removeAll()
        #expect(rest == [event("a"), event("b")] && queue.count == 0 && queue.next(at: 0) == .idle)
    }

    /// Whatever fails, each event is accepted or given up once, and those of a stream in their order.
    @Test func eventsOfAStreamKeepTheirOrder() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<100 {
            var queue = RetryQueue(limit: 1000)
            var done: [String: [String]] = [:]
            var (time, added) = (0.0, 0)
            while added < 40 || queue.count > 0 {
                if added < 40, random.integer(in: 0...1) == 0 {
                    _ = queue.add(event("s\(random.integer(in: 0...3))", "\(added)"))
                    added += 1
                }
                switch queue.next(at: time) {
                case .idle: break
                case .wait(let seconds): time += seconds
                case .send(let event):
                    let fails = random.integer(in: 0...2) == 0
                    let isLost =
                        fails
                        && queue.failed(
                            event.stream, tries: 3, concernsAll: random.integer(in: 0...1) == 0, at: time
                        ).isLost
                    if !fails { queue.accepted(event.stream) }
                    if isLost || !fails { done[event.stream, default: []].append(event.label) }
                }
            }
            #expect(done.values.allSatisfy { $0 == $0.sorted { Int($0) ?? 0 < Int($1) ?? 0 } })
            #expect(done.values.reduce(0) { $0 + $1.count } == 40)
        }
    }
}
