internal import ClassifierServer
internal import TestSupport
internal import Testing

/// The queue of an output while its receiver is away.
@Suite struct EventStoreTests {
    private func message(_ number: Int) -> MessageStore.Message {
        .init(topic: "t", payload: "\(number)", isRetained: false)
    }

    /// Connections break and acknowledgements are late; every message arrives, and first arrivals are in order.
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
                store.add(message(index))
                switch random.integer(in: 0...3) {
                case 0: send()
                case 1: if let first = open.first { store.acknowledge(first); open.removeFirst() }
                case 2 where random.integer(in: 0...4) == 0:
                    store.disconnect()
                    open = []
                default: break
                }
            }
            store.disconnect()
            while store.next != nil { send() }
            #expect(arrived == (0..<100).map { "\($0)" } && store.lost == 0)
        }
    }

    @Test func oldestMessagesAreLostFirst() {
        var store = MessageStore(limit: 3)
        for number in 0..<5 { store.add(message(number)) }
        #expect(store.lost == 2 && store.count == 3 && store.next?.payload == "2")
        store.markSent(1)
        store.markSent(2)
        store.markSent(3)
        store.add(message(5))
        #expect(store.lost == 3 && store.count == 3)
    }

    /// A broker that acknowledges no message gets a window of them.
    @Test func unacknowledgedMessagesAreBounded() {
        var store = MessageStore(limit: 1000)
        for number in 0..<500 { store.add(message(number)) }
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

    @Test func delaysDoubleUpToAMinute() {
        var backoff = Backoff()
        let delays = (0..<10).map { _ in backoff.delay() }
        #expect(delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60])
        backoff.reset()
        let first = backoff.delay()
        #expect(first == 0.5)
    }

    /// Labels of models are any text, and topics and identifiers have rules.
    @Test func topicsAreSafe() throws {
        let topics = MQTTTopics(prefix: "ear", discovery: "homeassistant")
        #expect(topics.state("mic.0", "Dog, \"bark\" +#/\u{0}ä") == "ear/mic.0/Dog, \"bark\" ____ä")
        let discovery = try #require(topics.discoveryMessage(stream: "mic.0", label: "a/b \"ä\""))
        #expect(discovery.topic == "homeassistant/binary_sensor/ear_mic_0_a_b____/config" && discovery.isRetained)
        #expect(discovery.payload.contains("\"name\":\"a/b \\\"ä\\\"\""))
        #expect(MQTTTopics(prefix: "ear", discovery: nil).discoveryMessage(stream: "a", label: "b") == nil)
        let messages = topics.messages(stream: "a", label: "b", isStart: true, json: "{}")
        #expect(messages.map(\.topic) == ["ear/a/b/state", "ear/a/b"] && messages.map(\.payload) == ["{}", "ON"])
    }
}
