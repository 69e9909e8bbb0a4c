internal import ClassifierServer
internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// The queue of an output while its receiver is away.
@Suite struct EventStoreTests {
    private func message(_ number: Int) -> MessageStore.Message {
        .init(topic: "t\(number)", payload: "\(number)")
    }

    /// Connections break and acknowledgements are late; every message arrives, and first arrivals of each
    /// stream are in order.
    @Test func everyMessageArrives() {
        var random = SplitMix64(seed: 8)
        for _ in 0..<50 {
            var store = MessageStore(limit: 1000)
            var arrived: [String] = []
            var open: [Int32] = []
            var number: Int32 = 0
            func send() {
                guard let next = store.next else { return }
                number += 1
                if !arrived.contains(next.payload) { arrived.append(next.payload) }
                store.markSent(number)
                open.append(number)
            }
            for index in 0..<100 {
                store.add([message(index)], of: "s\(index % 3)")
                switch random.integer(in: 0...3) {
                case 0: send()
                case 1: if let first = open.first { store.acknowledge(first); open.removeFirst() }
                case 2 where random.integer(in: 0...4) == 0:
                    // A message over which connections break in a row is refused, which is another test.
                    if let first = open.first { store.acknowledge(first) }
                    store.disconnect()
                    open = []
                default: break
                }
            }
            store.disconnect()
            while store.next != nil {
                send()
                store.acknowledge(number)
            }
            #expect(arrived.count == 100 && store.lost == 0)
            for stream in 0..<3 {
                let own = arrived.compactMap { Int($0) }.filter { $0 % 3 == stream }
                #expect(own == Array(stride(from: stream, to: 100, by: 3)))
            }
        }
    }

    @Test func oldestMessagesAreLostFirst() {
        var store = MessageStore(limit: 3)
        for number in 0..<5 { store.add(event: [message(number)], of: "a") }
        #expect(store.lost == 2 && store.count == 3 && store.next?.payload == "2")
        store.markSent(1)
        store.markSent(2)
        store.markSent(3)
        store.add(event: [message(5)], of: "a")
        #expect(store.lost == 3 && store.count == 3)
    }

    /// A stream with ten thousand events that fills the store loses only its own, and delays others by a turn each.
    @Test func floodLosesOnlyItsOwnMessages() {
        var store = MessageStore(limit: 10_000)
        func message(_ stream: String, _ number: Int, _ kind: String) -> MessageStore.Message {
            .init(topic: "\(stream)/\(kind)", payload: "\(number)")
        }
        for number in 0..<10_000 {
            let flood = [message("flood", number, "state"), message("flood", number, "on")]
            store.add(event: flood, of: "flood")
            if number < 3 { store.add(event: [message("door", number, "state")], of: "door") }
        }
        // Of 10,000 messages the door has 3, so that 9,997 are left, and 4,998 whole events.
        #expect(store.lost == 10_000 - 4998 && store.eventCount == 4998 + 3)
        #expect(store.overflow.events == store.lost && store.overflow.stream == "flood")
        var sent: [String] = []
        for number in 0..<6 {
            sent.append(store.next.map { "\($0.topic) \($0.payload)" } ?? "")
            store.markSent(Int32(number))
        }
        #expect(sent.filter { $0.hasPrefix("door") } == (0..<3).map { "door/state \($0)" })
        #expect(sent.filter { $0.hasPrefix("flood") } == ["flood/state 5002", "flood/on 5002", "flood/state 5003"])
        store.disconnect()
        #expect(store.next.map { "\($0.topic) \($0.payload)" } == sent[0], "what was sent first comes first again")
    }

    /// A broker that acknowledges no message gets a window of them.
    @Test func unacknowledgedMessagesAreBounded() {
        var store = MessageStore(limit: 1000)
        for number in 0..<500 { store.add(event: [message(number)], of: "a") }
        var number: Int32 = 0
        while store.next != nil {
            number += 1
            store.markSent(number)
        }
        #expect(number == MessageStore.window && store.count == 500)
        store.acknowledge(1)
        #expect(store.next?.payload == "\(MessageStore.window)")
        store.disconnect()
        #expect(store.next?.payload == "1" && store.count == 499)
    }

    /// What is no regular file is no journal, and does not hold up the start of a service.
    @Test func otherThingsAreNoJournals() throws {
        let folder = try TemporaryDirectory()
        let start = #"{"type":"event","stream":"mic","label":"yes","phase":"start"}"#
        let end = #"{"type":"event","stream":"mic","label":"no","phase":"end"}"#
        try folder.write(Array("\(start)\n\(end)\n{\"type\":\"ev".utf8), to: "b.events")
        #expect(unsafe mkfifo("\(folder.path)/a.events", 0o600) == 0)
        #expect(unsafe mkdir("\(folder.path)/c.events", 0o700) == 0)
        #expect(unsafe symlink("/dev/zero", "\(folder.path)/d.events") == 0)
        let events = EventJournal.takeOpenEvents(in: folder.path)
        #expect(events.map(\.label) == ["yes"])
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(left == ["a.events", "c.events", "d.events"])
    }

    @Test func delaysDoubleUpToAMinute() {
        var backoff = Backoff()
        let delays = (0..<10).map { _ in backoff.delay() }
        #expect(delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60])
        backoff.reset()
        let first = backoff.delay()
        #expect(first == 0.5)
    }

    /// Lost events are counted, and not their messages.
    @Test func lostEventsAreCounted() {
        var store = MessageStore(limit: 4)
        for number in 0..<4 { store.add(event: [message(number), message(number + 10)], of: "a") }
        #expect(store.count == 4 && store.lost == 2 && store.eventCount == 2 && store.next?.payload == "2")
        store.add([message(50)], of: "a")
        #expect(store.lost == 3 && store.next?.payload == "3", "an event goes with all of its messages")
        store.dropNext()
        #expect(store.lost == 4 && store.eventCount == 1)
        // The second half of an event that is lost already.
        store.dropNext()
        store.dropNext()
        #expect(store.lost == 4 && store.next == nil, "a message about no event is no event")
    }

    /// A message at which a broker closes every connection is dropped, and all others arrive.
    @Test(arguments: [1, 2, 5])
    func refusedMessageBlocksNothing(streams: Int) {
        var store = MessageStore(limit: 100)
        for number in 0..<5 { store.add(event: [message(number)], of: "s\(number % streams)") }
        var arrived: [String] = []
        var connections = 0
        var refused: [String] = []
        while store.next != nil {
            connections += 1
            var sent: [MessageStore.Message] = []
            while let next = store.next {
                store.markSent(Int32(sent.count))
                sent.append(next)
            }
            // The broker acknowledges all messages before the one that it refuses.
            for (number, message) in sent.enumerated() {
                if message.payload == "2" {
                    if let message = store.disconnect() { refused.append(message.payload) }
                    break
                }
                store.acknowledge(Int32(number))
                arrived.append(message.payload)
            }
        }
        #expect(arrived.sorted() == ["0", "1", "3", "4"] && refused == ["2"] && store.lost == 1)
        #expect(connections <= 2 * MessageStore.tries + 1)
    }

    /// Repeated messages follow the new ones, and are forgotten when the connection breaks.
    @Test func repetitionsFollowTheNews() {
        var store = MessageStore(limit: 2)
        store.add(event: [message(0)], of: "a")
        store.renew([message(10), message(11), message(12)])
        #expect(store.count == 1 && store.waitingTopics == ["t0"])
        var order: [String] = []
        for number in 0..<3 {
            order.append(store.next?.payload ?? "")
            store.markSent(Int32(number))
        }
        #expect(order == ["0", "10", "11"] && store.count == 1)
        store.disconnect()
        #expect(store.next?.payload == "0" && store.count == 1 && store.lost == 0)
        store.markSent(9)
        #expect(store.next == nil, "after a break, one message is sent at a time")
        store.acknowledge(9)
        #expect(store.next == nil && store.count == 0)
    }
}
