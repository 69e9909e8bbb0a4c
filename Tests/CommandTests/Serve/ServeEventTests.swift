internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Event outputs of `serve`: a file, a web hook, and a real MQTT broker (Debian's mosquitto).
@Suite struct ServeEventTests {
    private let folder: TemporaryDirectory
    private static let always = "threshold=0.000000001&threshold_off=0.000000001&min_duration_ms=0"
    private static let broker = "/usr/sbin/mosquitto"
    private static let hasBroker =
        FileManager.default.isExecutableFile(atPath: broker)
        && FileManager.default.isExecutableFile(atPath: "/usr/bin/mosquitto_sub")

    init() throws { folder = try TemporaryDirectory() }

    /// Runs a stream whose events begin with its first prediction and end with the stream.
    private func stream(_ server: Server, _ name: String, labels: [String] = ["yes", "left"]) throws -> [String] {
        let allow = labels.map { "&allow=\($0)" }.joined()
        let socket = try WebSocketClient(server, "/v1/stream?stream=\(name)&emit=events&\(Self.always)\(allow)")
        try socket.send(Sound.raw(Sound.samples(16000)))
        try socket.send(text: "{\"type\":\"end\"}")
        return try socket.receiveAll().texts("event")
    }

    private func withoutTime(_ line: some StringProtocol) -> String {
        line.firstRange(of: ",\"time\":").map { line[..<$0.lowerBound] + "}" } ?? String(line)
    }

    @Test func fileIsWrittenAndRotated() throws {
        let path = "\(folder.path)/events.jsonl"
        let server = try Server(["events.file.path=\(path)", "events.file.max_bytes=1500", "events.file.keep=50"])
        var expected: Set<String> = []
        for number in 0..<6 { expected.formUnion(try stream(server, "s\(number)")) }
        #expect(expected.count == 24)
        #expect(try server.stop().status == 0)
        var found: [String] = []
        var files = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let text = String(decoding: try folder.read(name), as: UTF8.self)
            #expect(text.utf8.count <= 1500 && text.hasSuffix("}\n"))
            found += text.split(separator: "\n").map { withoutTime($0) }
            files += 1
        }
        #expect(files > 2 && found.count == 24 && Set(found) == expected)
    }

    @Test func fullDiskDisturbsNoStream() throws {
        let server = try Server(["events.file.path=/dev/full"])
        #expect(try stream(server, "a").count == 4)
        #expect(try stream(server, "b").count == 4)
        let finished = try server.stop()
        #expect(finished.status == 0)
        #expect(finished.errors.split(separator: "\n").filter { $0.contains("/dev/full") }.count == 1, "reported once")
    }

    /// Standard output has exactly one line for each event.
    @Test func standardOutputIsWritten() throws {
        let server = try Server(["events.stdout=true"])
        let expected = try stream(server, "a") + stream(server, "b")
        try server.child.waitForOutput { $0.split(separator: "\n").count == expected.count }
        let finished = try server.stop()
        #expect(finished.status == 0)
        #expect(finished.lines.map { withoutTime($0) } == expected)
        #expect(finished.lines.allSatisfy { $0.contains(",\"time\":") })
    }

    /// A reader that does not read, and then closes, disturbs neither streams nor the end of the service.
    @Test func standardOutputMayBlock() throws {
        let pipe = "\(folder.path)/pipe"
        try #require(unsafe mkfifo(pipe, 0o600) == 0)
        let reader = unsafe open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        let labels = ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"]
        // A page of the pipe holds twenty events, and the queue sixteen.
        let setPipeSize: Int32 = 1031  // F_SETPIPE_SZ, which Glibc's module lacks
        _ = fcntl(reader, setPipeSize, 4096)
        let server = try Server(["events.stdout=true", "events.store=16"], output: .file(pipe))
        for number in 0..<5 { #expect(try stream(server, "s\(number)", labels: labels).count == 20) }
        #expect(try server.metric("lost_events_total{output=\"stdout\"}") > 0)
        close(reader)
        try server.child.waitForErrors { $0.contains("its reader has closed it") }
        #expect(try stream(server, "last").count == 4)
        #expect(try server.stop().status == 0)
    }

    /// The first answers are errors, and every event arrives in order nevertheless.
    @Test func webHookTriesAgain() throws {
        let receiver = try ChildProcess(
            [
                "-u", "-c",
                """
                import http.server, sys
                count = 0
                class Handler(http.server.BaseHTTPRequestHandler):
                    def do_POST(self):
                        global count
                        count += 1
                        body = self.rfile.read(int(self.headers["Content-Length"]))
                        if count > 2: sys.stdout.write(body.decode() + "\\n")
                        self.send_response(503 if count <= 2 else 204)
                        self.end_headers()
                    def log_message(self, *arguments): pass
                server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
                print(server.server_port)
                server.serve_forever()
                """,
            ], program: "/usr/bin/python3")
        try receiver.waitForOutput { $0.contains("\n") }
        let port = receiver.outputSoFar.prefix { $0 != "\n" }
        let server = try Server(["events.webhook.url=http://127.0.0.1:\(port)/events?a=b"])
        let expected = try stream(server, "a")
        try receiver.waitForOutput { $0.split(separator: "\n").count == 1 + expected.count }
        #expect(receiver.outputSoFar.split(separator: "\n").dropFirst().map { withoutTime($0) } == expected)
        #expect(try server.stop().status == 0)
    }

    // MARK: MQTT

    private func startBroker(port: Int) throws -> ChildProcess {
        try folder.write(Array("listener \(port) 127.0.0.1\nallow_anonymous true\n".utf8), to: "broker.conf")
        let broker = try ChildProcess(["-c", "\(folder.path)/broker.conf", "-v"], program: Self.broker)
        try broker.waitForErrors { $0.contains("running") }
        return broker
    }

    private func subscriber(port: Int) throws -> ChildProcess {
        let subscriber = try ChildProcess(
            ["-h", "127.0.0.1", "-p", "\(port)", "-t", "#", "-F", "%t %p", "-q", "1"], program: "/usr/bin/mosquitto_sub"
        )
        return subscriber
    }

    /// Returns a port that was free a moment ago.
    private func freePort() throws -> Int {
        let server = try Server()
        let port = server.httpPort
        _ = try server.stop()
        return port
    }

    @Test(.enabled(if: hasBroker, "needs Debian's mosquitto and mosquitto-clients; make setup-tests installs both"))
    func brokerIsTold() throws {
        let port = try freePort()
        let broker = try startBroker(port: port)
        let subscriber = try subscriber(port: port)
        let server = try Server(["events.mqtt.host=127.0.0.1", "events.mqtt.port=\(port)", "events.mqtt.prefix=ear"])
        try subscriber.waitForOutput { $0.contains("ear/availability online\n") }
        let events = try stream(server, "door", labels: ["yes"])
        #expect(events.count == 2)
        try subscriber.waitForOutput { $0.contains("ear/door/yes OFF\n") }
        let lines = subscriber.outputSoFar.split(separator: "\n").map(String.init)
        #expect(lines.filter { $0.hasPrefix("ear/door/yes ") } == ["ear/door/yes ON", "ear/door/yes OFF"])
        let states = lines.filter { $0.hasPrefix("ear/door/yes/state ") }.map { withoutTime($0.dropFirst(19)) }
        #expect(states == events)
        let discovery = try #require(lines.first { $0.hasPrefix("homeassistant/binary_sensor/ear_door_yes/config ") })
        let json = Data(discovery.drop { $0 != " " }.dropFirst().utf8)
        let message = try JSONDecoder().decode(JSONValue.self, from: json)
        #expect(message["state_topic"] == "ear/door/yes" && message["availability_topic"] == "ear/availability")
        // The broker publishes `offline` for a killed service.
        server.child.send(signal: SIGKILL)
        try subscriber.waitForOutput { $0.contains("ear/availability offline\n") }
        withExtendedLifetime(broker) {}
    }

    /// Events during an outage of the broker arrive when it is back.
    @Test(.enabled(if: hasBroker, "needs Debian's mosquitto and mosquitto-clients; make setup-tests installs both"))
    func outageLosesNothing() throws {
        let port = try freePort()
        var broker = try startBroker(port: port)
        let server = try Server(["events.mqtt.host=127.0.0.1", "events.mqtt.port=\(port)", "events.mqtt.prefix=ear"])
        try server.child.waitForErrors { $0.contains("connected to the broker") }
        broker.send(signal: SIGKILL)
        _ = try broker.wait()
        var expected: [String] = []
        for number in 0..<3 { expected += try stream(server, "s\(number)", labels: ["yes"]) }
        broker = try startBroker(port: port)
        let subscriber = try subscriber(port: port)
        // Messages are retained, so that a late subscriber gets the newest one of each topic.
        try subscriber.waitForOutput { text in (0..<3).allSatisfy { text.contains("ear/s\($0)/yes OFF\n") } }
        let states = subscriber.outputSoFar.split(separator: "\n").filter { $0.contains("/yes/state ") }
        let ends = Set(states.map { withoutTime($0.drop { $0 != " " }.dropFirst()) })
        #expect(ends.isSuperset(of: expected.filter { $0.contains("\"phase\":\"end\"") }))
        #expect(try server.stop().status == 0)
    }
}
