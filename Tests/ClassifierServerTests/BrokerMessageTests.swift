internal import ClassifierServer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Topics, identifiers and repetitions for a broker.
@Suite struct BrokerMessageTests {
    private func topics(_ labels: Set<String>, discovery: String? = "homeassistant") -> MQTTTopics {
        MQTTTopics(prefix: "ear", discovery: discovery, service: "me", labels: labels)
    }

    private func event(_ stream: String, _ label: String, isStart: Bool, id: String = "x") -> StreamEvent {
        let json =
            "{\"type\":\"event\",\"v\":1,\"id\":\"\(id)\",\"phase\":\"\(isStart ? "start" : "end")\",\"stream\":"
            + "\"\(stream)\",\"label\":\(JSONWriter.quoted(label)),\"t0\":1.5,\"t1\":null,\"p_max\":0.5}"
        return StreamEvent(stream: stream, label: label, isStart: isStart, json: json)
    }

    /// Labels of models are any text, and topics and identifiers have rules.
    @Test func topicsAreSafe() throws {
        let label = "Dog, \"bark\" +#/\u{0}\u{7}\t\u{85}\u{FFFE}ä"
        let topics = topics([label, "a/b \"ä\"", ""])
        #expect(topics.state("mic.0", label) == "ear/mic.0/Dog, \"bark\" ________ä")
        #expect(topics.state("a", "") == "ear/a/_")
        let discovery = try #require(topics.discoveryMessage(stream: "mic0", label: "a/b \"ä\""))
        #expect(discovery.topic == "homeassistant/binary_sensor/ear_mic0_a_b____/config")
        #expect(discovery.payload.contains("\"name\":\"a/b \\\"ä\\\"\""))
        #expect(MQTTTopics(prefix: "ear", discovery: nil, service: "").discoveryMessage(stream: "a", label: "b") == nil)
        let messages = topics.messages(event("a", "b", isStart: true))
        #expect(messages.map(\.topic) == ["ear/a/b/state", "ear/a/b"] && messages[1].payload == "ON")
        let record = try #require(StreamEvent(json: messages[0].payload))
        #expect(record.publisher?.service == "me" && record.id == "x")
    }

    /// Names and identifiers that were distinct before there was a rule for the others stay the same.
    @Test func distinctIdentifiersStay() {
        let labels: Set = ["yes", "on_off", "Child speech, kid speaking", "_silence_", "Dog", "Hip hop music"]
        let topics = topics(labels)
        #expect(topics.identifier(stream: "door", label: "yes") == "ear_door_yes")
        #expect(topics.identifier(stream: "front_door", label: "on_off") == "ear_front_door_on_off")
        #expect(topics.identifier(stream: "a-b", label: "Hip hop music") == "ear_a-b_Hip_hop_music")
        #expect(
            topics.identifier(stream: "m", label: "Child speech, kid speaking") == "ear_m_Child_speech__kid_speaking")
        #expect(topics.identifier(stream: "m", label: "_silence_") == "ear_m__silence_")
        #expect(topics.state("m", "Child speech, kid speaking") == "ear/m/Child speech, kid speaking")
    }

    /// Different streams and labels have different topics, identifiers and devices.
    @Test func identifiersDiffer() throws {
        var labels: Set = [
            "on/off", "on_off", "on off", "on+off", "on#off", "on\u{7}off", "c", "b_c", "b c", "a_b", "", "_", "__",
            "\u{E9}", "e\u{301}", "\u{FFFE}",
        ]
        // Words of one length in Arabic, and in emoji.
        for number in 0..<300 {
            let letters = [number / 28 % 28, number % 28, 3].map { Unicode.Scalar(UInt32(0x0628 + $0))! }
            labels.insert(String(String.UnicodeScalarView(letters)))
        }
        let streams = [
            "cam.1", "cam_1", "cam-1", "cam1", "a", "a_b", "a_b_c", "a.b", "a..b", "a._b", "b", "_", "__", "-",
        ]
        let topics = topics(labels)
        var states: Set<String> = []
        var discoveries: Set<String> = []
        var devices: Set<String> = []
        for stream in streams {
            for label in labels {
                let state = topics.state(stream, label)
                #expect(states.insert(state).inserted, "\(state)")
                #expect(state.split(separator: "/", omittingEmptySubsequences: false).count == 3, "\(state)")
                let message = try #require(topics.discoveryMessage(stream: stream, label: label))
                #expect(discoveries.insert(message.topic).inserted, "\(message.topic)")
                let start = try #require(message.payload.firstRange(of: "\"identifiers\":[\"")).upperBound
                devices.insert(String(message.payload[start...].prefix { $0 != "\"" }))
            }
        }
        #expect(devices.count == streams.count)
        #expect(states.count == streams.count * labels.count)
    }

    @Test(arguments: [
        "#", "ha#", "+", "a/+/b", "", "/", "a/", "/a", "a//b", "$SYS", "$SYS/a", "a\u{0}", "a\u{7}", "a\u{9F}",
        "a\u{FFFE}", String(repeating: "a", count: 70_000),
    ])
    func topicsThatCanNeverWorkAreRefused(text: String) throws {
        #expect(!TopicName.isPrefix(text))
        for key in ["prefix", "discovery"] where !(text.isEmpty && key == "discovery") {
            let flags = ["events.mqtt.host": "h", "events.mqtt.\(key)": text]
            let error = try #require(throws: (any Error).self) {
                try ServeConfiguration(file: nil, flags: flags, environment: [:])
            }
            #expect("\(error)".contains("--set events.mqtt.\(key)"))
        }
    }

    @Test func brokersAreChecked() throws {
        func read(_ flags: [String: String]) throws -> ServeConfiguration.Events.MQTT? {
            let prefixed = Dictionary(uniqueKeysWithValues: flags.map { ("events.mqtt.\($0.key)", $0.value) })
            return try ServeConfiguration(file: nil, flags: prefixed, environment: [:]).events.mqtt
        }
        for host in ["mqtt://broker", "broker:1883", "broker/", "a b", "tcp://[::1]"] {
            #expect(throws: (any Error).self, "\(host)") { try read(["host": host]) }
        }
        for host in ["broker", "127.0.0.1", "::1", "broker.example"] { #expect(try read(["host": host])?.host == host) }
        #expect(try read(["host": "h"])?.port == 1883 && read(["host": "h", "tls": "true"])?.port == 8883)
        #expect(try read(["host": "h", "tls": "true", "port": "9"])?.port == 9)
        #expect(try read(["host": "h", "discovery": "a/b"])?.discovery == "a/b")
        #expect(try read(["host": "h", "discovery": "off"])?.discovery == nil && read([:]) == nil)
        #expect(throws: (any Error).self) { try read(["host": "h", "client": "a\u{7}"]) }
    }

    // MARK: Repetitions

    /// The present is repeated: discovery, the newest record and the state of each class.
    @Test func presentIsRepeated() {
        var announcements = MQTTAnnouncements(topics(["yes", "no"]))
        let first = announcements.messages(event("door", "yes", isStart: true))
        #expect(first.discovery.map(\.topic) == ["homeassistant/binary_sensor/ear_door_yes/config"])
        #expect(first.event.map(\.topic) == ["ear/door/yes/state", "ear/door/yes"])
        #expect(announcements.messages(event("door", "yes", isStart: false)).discovery.isEmpty)
        _ = announcements.messages(event("tcp~1", "no", isStart: true))
        let all = announcements.renewal(without: [])
        #expect(all.map(\.topic).filter { $0.hasSuffix("/config") }.count == 2)
        #expect(all.filter { $0.topic == "ear/door/yes" }.map(\.payload) == ["OFF"])
        #expect(all.filter { $0.topic == "ear/tcp~1/no" }.map(\.payload) == ["ON"])
        let others = announcements.renewal(without: ["ear/door/yes"]).map(\.topic)
        #expect(others.contains("homeassistant/binary_sensor/ear_door_yes/config") && !others.contains("ear/door/yes"))
    }

    /// The classes of a stream whose name was generated go with it; those of a named one stay.
    @Test func unnamedStreamsLeaveNothing() {
        var announcements = MQTTAnnouncements(topics(["yes", "no"]))
        var retained: [String: String] = [:]
        func publish(_ messages: [MessageStore.Message]) {
            for message in messages { retained[message.topic] = message.payload.isEmpty ? nil : message.payload }
        }
        for stream in ["tcp~1", "unix~22", "stream~3", "tcp~4", "tcp-x", "tcp-", "tcp", "door"] {
            for label in ["yes", "no"] {
                for isStart in [true, false] {
                    let messages = announcements.messages(event(stream, label, isStart: isStart))
                    publish(messages.discovery + messages.event)
                }
            }
            publish(announcements.ended(stream))
        }
        #expect(retained.count == 4 * 2 * 3 && !retained.keys.contains { $0.contains("tcp~1") || $0.contains("22") })
        #expect(announcements.renewal(without: []).count == retained.count)
        #expect(announcements.ended("tcp~1").isEmpty)
    }

    /// What an earlier run left is ended; what this run or a living process has published is not.
    @Test func leftoversEnd() throws {
        func retained(_ event: StreamEvent, service: String, process: String) -> String {
            "\(event.json.dropLast()),\"service\":\"\(service)\",\"process\":\"\(process)\"}"
        }
        let dead = "\(ProcessIdentity.own.machine)-999999999-5"
        let open = event("door", "yes", isStart: true)
        func messages(_ json: String, _ topic: String = "ear/door/yes/state") -> [MessageStore.Message] {
            var announcements = MQTTAnnouncements(topics(["yes"]))
            return announcements.messages(retained: json, on: topic, time: 9)
        }
        for (service, process) in [("me", dead), ("other", dead), ("me", "elsewhere-1-5")] {
            let ends = messages(retained(open, service: service, process: process))
            #expect(ends.last == .init(topic: "ear/door/yes", payload: "OFF"), "\(service) \(process)")
            let record = try #require(StreamEvent(json: ends[ends.count - 2].payload))
            #expect(!record.isStart && record.id == "x" && record.json.contains("\"interrupted\":true,\"time\":9"))
        }
        for (service, process) in [("other", "elsewhere-1-5"), ("me", ProcessIdentity.own.text)] {
            #expect(messages(retained(open, service: service, process: process)).isEmpty, "\(service) \(process)")
        }
        #expect(messages(open.json).isEmpty && messages("{}").isEmpty && messages("").isEmpty)
        #expect(messages(retained(event("door", "yes", isStart: false), service: "me", process: dead)).isEmpty)
        let unnamed = retained(event("tcp~7", "yes", isStart: false), service: "me", process: dead)
        #expect(messages(unnamed, "ear/tcp~7/yes/state").map(\.payload) == ["", "", ""])
        // A class whose topic was another one with other models.
        let moved = messages(retained(open, service: "me", process: dead), "ear/door/old/state")
        #expect(moved.map(\.topic) == ["ear/door/old/state", "ear/door/old"])
        var running = MQTTAnnouncements(topics(["yes"]))
        _ = running.messages(open)
        let json = retained(open, service: "me", process: dead)
        #expect(running.messages(retained: json, on: "ear/door/yes/state", time: 9).isEmpty)
    }

    @Test func processesAreRecognised() throws {
        let own = ProcessIdentity.own
        #expect(ProcessIdentity(own.text) == own && !own.hasEndedHere)
        let parts = own.text.split(separator: "-")
        let reused = try #require(ProcessIdentity("\(parts[0])-\(parts[1])-1"))
        #expect(reused.hasEndedHere, "the number belongs to a later process")
        #expect(try !#require(ProcessIdentity("elsewhere-\(parts[1])-1")).hasEndedHere)
        for text in ["", "a", "a-b-c", "a-1", "a-0-1", "a--1-1", "a-1-2-3"] { #expect(ProcessIdentity(text) == nil) }
    }

    /// Events that have begun and not ended, against a plain list.
    @Test func openEventsAreThoseWithoutEnd() {
        var random = SplitMix64(seed: 5)
        var open = OpenEvents()
        var expected: [String] = []
        for number in 0..<500 {
            let (stream, label) = ("s\(random.integer(in: 0...3))", "l\(random.integer(in: 0...3))")
            let isStart = random.integer(in: 0...1) == 0
            open.add(event(stream, label, isStart: isStart, id: "\(number)"))
            expected.removeAll { $0 == "\(stream) \(label)" }
            if isStart { expected.append("\(stream) \(label)") }
            #expect(open.events.map { "\($0.stream) \($0.label)" } == expected.sorted())
        }
    }
}
