internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Debian's MQTT broker.
private enum Mosquitto {
    static let program = "/usr/sbin/mosquitto"
    static let isInstalled =
        FileManager.default.isExecutableFile(atPath: program)
        && FileManager.default.isExecutableFile(atPath: "/usr/bin/mosquitto_sub")
}

/// Events of `serve` at a real MQTT broker, Debian's mosquitto.
@Suite(.enabled(if: Mosquitto.isInstalled, "needs Debian's mosquitto and mosquitto-clients; make setup-tests"))
struct ServeBrokerTests {
    private let folder: TemporaryDirectory
    private static let always = "threshold=0.000000001&threshold_off=0.000000001&min_duration_ms=0"
    init() throws { folder = try TemporaryDirectory() }

    // MARK: The broker

    private func startBroker(port: Int, _ settings: String = "allow_anonymous true\n") throws -> ChildProcess {
        // As another user, the broker could not read the folder.
        try folder.write(Array("user root\nlistener \(port) 127.0.0.1\n\(settings)".utf8), to: "broker.conf")
        let broker = try ChildProcess(["-c", "\(folder.path)/broker.conf", "-v"], program: Mosquitto.program)
        try broker.waitForErrors { $0.contains("running") }
        return broker
    }

    private func subscriber(port: Int) throws -> ChildProcess {
        try ChildProcess(
            ["-h", "127.0.0.1", "-p", "\(port)", "-t", "#", "-F", "%t %p", "-q", "1"], program: "/usr/bin/mosquitto_sub"
        )
    }

    /// Returns what the broker has retained, by topic.
    private func retained(port: Int) throws -> [String: String] {
        let lines = try ChildProcess(
            ["-h", "127.0.0.1", "-p", "\(port)", "-t", "#", "-F", "%t %p", "-W", "1", "--retained-only"],
            program: "/usr/bin/mosquitto_sub"
        ).wait().lines
        return Dictionary(
            uniqueKeysWithValues: lines.map { line in
                let topic = line.prefix { $0 != " " }
                return (String(topic), String(line[topic.endIndex...].dropFirst()))
            })
    }

    /// Waits until the broker has retained what a condition wants.
    private func waitForRetained(port: Int, _ isThere: ([String: String]) -> Bool) throws {
        var found: [String: String] = [:]
        for _ in 0..<20 {
            found = try retained(port: port)
            if isThere(found) { return }
        }
        Issue.record("the broker has retained \(found)")
    }

    /// Returns a port that was free a moment ago.
    private func freePort() throws -> Int {
        let server = try Server()
        let port = server.httpPort
        _ = try server.stop()
        return port
    }

    // MARK: The service

    private func serve(_ port: Int, _ settings: [String] = [], hasTCP: Bool = false) throws -> Server {
        try Server(
            ["events.mqtt.host=127.0.0.1", "events.mqtt.port=\(port)", "events.mqtt.prefix=ear"] + settings,
            hasTCP: hasTCP)
    }

    /// Begins a stream whose event begins with its first prediction and ends with the stream.
    private func open(_ server: Server, _ name: String) throws -> WebSocketClient {
        let socket = try WebSocketClient(server, "/v1/stream?stream=\(name)&emit=events&\(Self.always)&allow=yes")
        try socket.send(Sound.raw(Sound.samples(16000)))
        return socket
    }

    private func stream(_ server: Server, _ name: String) throws -> [String] {
        let socket = try open(server, name)
        try socket.send(text: "{\"type\":\"end\"}")
        return try socket.receiveAll().texts("event")
    }

    private func withoutTime(_ line: some StringProtocol) -> String {
        line.firstRange(of: ",\"time\":").map { line[..<$0.lowerBound] + "}" } ?? String(line)
    }

    private static let config = "homeassistant/binary_sensor/ear_door_yes/config"

    @Test func eventsArePublished() throws {
        let port = try freePort()
        let broker = try startBroker(port: port)
        let subscriber = try subscriber(port: port)
        let server = try serve(port)
        try subscriber.waitForOutput { $0.contains("ear/availability online\n") }
        let events = try stream(server, "door")
        #expect(events.count == 2)
        try subscriber.waitForOutput { $0.contains("ear/door/yes OFF\n") }
        let lines = subscriber.outputSoFar.split(separator: "\n").map(String.init)
        #expect(lines.filter { $0.hasPrefix("ear/door/yes ") } == ["ear/door/yes ON", "ear/door/yes OFF"])
        let states = lines.filter { $0.hasPrefix("ear/door/yes/state ") }.map { withoutTime($0.dropFirst(19)) }
        #expect(states == events)
        let discovery = try #require(lines.first { $0.hasPrefix("\(Self.config) ") })
        let json = Data(discovery.drop { $0 != " " }.dropFirst().utf8)
        let message = try JSONDecoder().decode(JSONValue.self, from: json)
        #expect(message["state_topic"] == "ear/door/yes" && message["availability_topic"] == "ear/availability")
        // The broker publishes `offline` for a killed service.
        server.child.send(signal: SIGKILL)
        try subscriber.waitForOutput { $0.contains("ear/availability offline\n") }
        withExtendedLifetime(broker) {}
    }

    /// Events during an outage of the broker arrive when it is back.
    @Test func outageLosesNothing() throws {
        let port = try freePort()
        var broker = try startBroker(port: port)
        let server = try serve(port)
        try server.child.waitForErrors { $0.contains("connected to the broker") }
        broker.send(signal: SIGKILL)
        _ = try broker.wait()
        var expected: [String] = []
        for number in 0..<3 { expected += try stream(server, "s\(number)") }
        broker = try startBroker(port: port)
        let subscriber = try subscriber(port: port)
        // Messages are retained, so that a late subscriber gets the newest one of each topic.
        try subscriber.waitForOutput { text in (0..<3).allSatisfy { text.contains("ear/s\($0)/yes OFF\n") } }
        let states = subscriber.outputSoFar.split(separator: "\n").filter { $0.contains("/yes/state ") }
        let ends = Set(states.map { withoutTime($0.drop { $0 != " " }.dropFirst()) })
        #expect(ends.isSuperset(of: expected.filter { $0.contains("\"phase\":\"end\"") }))
        #expect(try server.stop().status == 0)
    }

    /// A broker that comes back without its memory gets the present again.
    @Test func restartedBrokerGetsThePresent() throws {
        let port = try freePort()
        var broker = try startBroker(port: port)
        let server = try serve(port)
        let door = try open(server, "door")
        _ = try stream(server, "past")
        let present = [
            "ear/availability": "online", "ear/door/yes": "ON", "ear/past/yes": "OFF",
        ]
        func isComplete(_ found: [String: String]) -> Bool {
            present.allSatisfy { found[$0.key] == $0.value } && found[Self.config]?.contains("ear/door/yes") == true
                && found["homeassistant/binary_sensor/ear_past_yes/config"] != nil
                && found["ear/door/yes/state"]?.contains("\"phase\":\"start\"") == true
        }
        try waitForRetained(port: port, isComplete)
        for _ in 0..<2 {
            broker.send(signal: SIGKILL)
            _ = try broker.wait()
            broker = try startBroker(port: port)
            try waitForRetained(port: port, isComplete)
        }
        try door.send(text: "{\"type\":\"end\"}")
        try waitForRetained(port: port) { $0["ear/door/yes"] == "OFF" }
        #expect(try server.metric("lost_events_total{output=\"mqtt\"}") == 0)
        #expect(try server.stop().status == 0)
        #expect(try retained(port: port)["ear/availability"] == "offline")
    }

    /// A killed service leaves no class ON and no device of an unnamed stream, whatever the next one's addresses are.
    @Test func killedServiceLeavesNothingOn() throws {
        let port = try freePort()
        let broker = try startBroker(port: port)
        let alive = try serve(port)
        let held = try open(alive, "held")
        let killed = try serve(port, hasTCP: true)
        let door = try open(killed, "door")
        let socket = try WebSocketClient(killed, "/v1/stream?emit=events&\(Self.always)&allow=yes")
        try socket.send(Sound.raw(Sound.samples(16000)))
        try waitForRetained(port: port) { found in
            ["door", "stream~1", "held"].allSatisfy { found["ear/\($0)/yes"] == "ON" }
        }
        killed.child.send(signal: SIGKILL)
        _ = try killed.child.wait()
        let next = try serve(port)
        try waitForRetained(port: port) { found in
            found["ear/door/yes"] == "OFF" && found["ear/door/yes/state"]?.contains("\"interrupted\":true") == true
                && !found.keys.contains { $0.contains("stream~1") } && found["ear/availability"] == "online"
        }
        #expect(try retained(port: port)["ear/held/yes"] == "ON", "the other service is alive")
        #expect(try next.stop().status == 0)
        withExtendedLifetime((broker, alive, held, door, socket)) {}
    }

    /// Streams without a name are there while they run, and leave nothing.
    @Test func unnamedStreamsLeaveNothing() throws {
        let port = try freePort()
        let broker = try startBroker(port: port)
        let server = try serve(
            port,
            [
                "streams.decision.threshold=0.000000001", "streams.decision.threshold_off=0.000000001",
                "streams.decision.min_duration_ms=0", "streams.decision.allow=yes",
            ], hasTCP: true)
        let subscriber = try subscriber(port: port)
        for number in 1...3 {
            let socket = try Socket(port: try #require(server.tcpPort))
            try socket.send(Sound.raw(Sound.samples(16000)))
            try subscriber.waitForOutput { $0.contains("ear/tcp~\(number)/yes ON\n") }
            socket.finish()
            _ = try socket.receiveAll()
            try subscriber.waitForOutput { $0.contains("ear/tcp~\(number)/yes OFF\n") }
        }
        try waitForRetained(port: port) { $0 == ["ear/availability": "online"] }
        #expect(try server.stop().status == 0)
        withExtendedLifetime(broker) {}
    }

    // MARK: Brokers that cannot be reached

    /// The reason is logged once, and every try is counted.
    @Test func missingBrokerIsNamedOnce() throws {
        let port = try freePort()
        let server = try serve(port, ["events.mqtt.store=4"])
        #expect(try server.metric("lost_events_total{output=\"mqtt\"}") == 0)
        for number in 0..<3 { #expect(try stream(server, "s\(number)").count == 2) }
        for _ in 0..<1000 where try server.metric("output_failures_total{output=\"mqtt\"}") < 3 { usleep(10_000) }
        #expect(try server.metric("output_failures_total{output=\"mqtt\"}") >= 3)
        // Four messages are the last two of six events.
        #expect(try server.metric("lost_events_total{output=\"mqtt\"}") == 4)
        let finished = try server.stop()
        let lines = finished.errors.split(separator: "\n").filter { $0.contains("cannot be reached") }
        #expect(lines.count == 1 && lines[0].contains("Connection refused"), "\(finished.errors)")
        #expect(finished.errors.contains("2 events did not reach the broker"))
    }

    @Test func wrongPasswordIsNamed() throws {
        let port = try freePort()
        try folder.write([], to: "users")
        let made = try ChildProcess(["-b", "\(folder.path)/users", "u", "right"], program: "/usr/bin/mosquitto_passwd")
        #expect(try made.wait().status == 0)
        let broker = try startBroker(port: port, "allow_anonymous false\npassword_file \(folder.path)/users\n")
        try folder.write(Array("wrong\n".utf8), to: "wrong")
        try folder.write(Array("right\n".utf8), to: "right")
        let wrong = try serve(port, ["events.mqtt.user=u", "events.mqtt.password_file=\(folder.path)/wrong"])
        try wrong.child.waitForErrors { $0.contains("it refuses the user or the password") }
        #expect(try wrong.stop().status == 0)
        let right = try serve(port, ["events.mqtt.user=u", "events.mqtt.password_file=\(folder.path)/right"])
        try right.child.waitForErrors { $0.contains("connected to the broker") }
        #expect(try right.stop().status == 0)
        withExtendedLifetime(broker) {}
    }

    /// Services with the same settings have different names at the broker; a common name is explained.
    @Test func servicesDoNotFight() throws {
        let port = try freePort()
        let broker = try startBroker(port: port)
        let others = try freePort()
        let servers = try [serve(port, ["listen.tcp=127.0.0.1:\(others)"]), serve(port)]
        for server in servers { try server.child.waitForErrors { $0.contains("connected to the broker") } }
        sleep(1)
        #expect(!broker.errorsSoFar.contains("already connected"))
        for server in servers { #expect(try !server.stop().errors.contains("cannot be reached")) }
        let twins = try (0..<2).map { _ in try serve(port, ["events.mqtt.client=twin"]) }
        try twins[0].child.waitForErrors { $0.contains("a client of the same name, twin, may be connected") }
        for server in twins { _ = try server.stop() }
    }

    /// A connection with TLS verifies the broker's certificate.
    @Test func brokerIsVerified() throws {
        let port = try freePort()
        let certificates = Certificates(folder: folder)
        try certificates.make("server")
        try certificates.make("other")
        let broker = try startBroker(
            port: port,
            "allow_anonymous true\ncertfile \(folder.path)/server.pem\nkeyfile \(folder.path)/server.key\n")
        let good = try serve(port, ["events.mqtt.tls=true", "events.mqtt.ca_file=\(folder.path)/server.pem"])
        try good.child.waitForErrors { $0.contains("connected to the broker") }
        #expect(try good.stop().status == 0)
        for settings in [["events.mqtt.ca_file=\(folder.path)/other.pem"], []] {
            let wrong = try serve(port, ["events.mqtt.tls=true"] + settings)
            try wrong.child.waitForErrors { $0.contains("trusted certificate") }
            #expect(try wrong.stop().status == 0)
        }
        let missing = try ChildProcess(
            [
                "serve", "--check", "--set", "events.mqtt.host=h", "--set", "events.mqtt.tls=true", "--set",
                "events.mqtt.ca_file=/nonexistent.pem",
            ]
        ).wait()
        #expect(missing.status == 78 && missing.errors.contains("/nonexistent.pem"))
        withExtendedLifetime(broker) {}
    }
}
