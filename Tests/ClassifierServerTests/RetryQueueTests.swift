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
        let lost = ["a", "b", "c"].map { queue.add(event($0))?.event }
        #expect(lost == [nil, nil, event("c")])
        let rest = queue.removeAll()
        #expect(rest == [event("a"), event("b")] && queue.count == 0 && queue.next(at: 0) == .idle)
    }

    /// A stream with ten thousand events that fills the queue loses only its own, and delays others by a turn each.
    @Test func floodLosesOnlyItsOwnEvents() {
        var queue = RetryQueue(limit: 10_000)
        var lost: [StreamEvent] = []
        func add(_ stream: String, _ label: String) {
            if let loss = queue.add(event(stream, label)) { lost.append(loss.event) }
        }
        for number in 0..<10_000 { add("flood", "\(number)") }
        #expect(lost.isEmpty)
        for number in 0..<3 { add("door", "\(number)") }
        #expect(lost.map(\.label) == ["9999", "9998", "9997"], "the newest go")
        for number in 10_000..<11_000 { add("flood", "\(number)") }
        #expect(lost.count == 1003 && lost.allSatisfy { $0.stream == "flood" } && queue.count == 10_000)
        var sent: [String] = []
        for _ in 0..<7 {
            guard case .send(let event) = queue.next(at: 0) else { break }
            sent.append("\(event.stream) \(event.label)")
            queue.accepted(event.stream)
        }
        #expect(sent == ["flood 0", "door 0", "flood 1", "door 1", "flood 2", "door 2", "flood 3"])
    }

    /// The first event of a stream may be under way, so that a full queue does not drop it.
    @Test func eventUnderWayStays() {
        var queue = RetryQueue(limit: 3)
        for label in ["1", "2", "3"] { _ = queue.add(event("a", label)) }
        #expect(queue.next(at: 0) == .send(event("a", "1")))
        let first = queue.add(event("b", "1"))
        #expect(first?.event == event("a", "3") && first?.waiting == 2)
        let second = queue.add(event("b", "2"))
        #expect(second?.event == event("b", "2"), "b would have as many as a")
        queue.accepted("a")
        let rest = queue.removeAll()
        #expect(rest == [event("b", "1"), event("a", "2")])
    }

    /// A full queue drops the newest event of a stream that has most with the new one, against plain lists.
    @Test func fullQueueDropsFromTheLargest() {
        var random = SplitMix64(seed: 6)
        for _ in 0..<50 {
            var queue = RetryQueue(limit: 20)
            var expected: [String: [String]] = [:]
            for number in 0..<300 {
                if random.integer(in: 0...3) == 0, case .send(let event) = queue.next(at: 0) {
                    #expect(expected[event.stream]?.first == event.label)
                    expected[event.stream]?.removeFirst()
                    queue.accepted(event.stream)
                    continue
                }
                // Some streams have more events than others.
                let streams = random.integer(in: 0...5)
                let stream = "s\(random.integer(in: 0...streams))"
                expected[stream, default: []].append("\(number)")
                let total = expected.values.reduce(0) { $0 + $1.count }
                let added = queue.add(event(stream, "\(number)"))
                #expect((added != nil) == (total > 20))
                guard let lost = added?.event else { continue }
                let most = expected.values.map(\.count).max()
                #expect(expected[lost.stream]?.count == most && expected[lost.stream]?.last == lost.label)
                expected[lost.stream]?.removeLast()
            }
            #expect(queue.count == expected.values.reduce(0) { $0 + $1.count })
        }
    }

    /// The log has the first loss at once, and the number of the others a minute later or at the end.
    @Test func lossesAreReportedOnceAMinute() {
        var report = OverflowReport("events.store")
        #expect(report.finish() == nil)
        let first = report.add(of: "a", waiting: 9, at: 5)
        let last = "the last one is of the stream"
        #expect(first == "events.store is full: 1 event is lost; \(last) a, which has most in the queue (9)")
        let silent = (0..<100).compactMap { report.add(of: "a", waiting: 9, at: 5 + 0.5 * Double($0)) }
        #expect(silent.isEmpty)
        let next = report.add(2, of: "b", at: 65)
        #expect(next == "events.store is full: 102 events are lost; \(last) b")
        #expect(report.finish() == nil)
        let soon = report.add(of: "b", at: 66)
        #expect(soon == nil && report.finish() == "events.store was full: 1 event is lost since the last message")
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
