internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Event outputs of `serve`: a file, standard output and a web hook.
@Suite struct ServeEventTests {
    private let folder: TemporaryDirectory
    private static let always = "threshold=0.000000001&threshold_off=0.000000001&min_duration_ms=0"

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
        #expect(try server.metric("lost_events_total{output=\"file\"}") >= 0)
        #expect(try stream(server, "b").count == 4)
        for _ in 0..<1000 where try server.metric("lost_events_total{output=\"file\"}") < 8 { usleep(10_000) }
        #expect(try server.metric("lost_events_total{output=\"file\"}") == 8)
        let finished = try server.stop()
        #expect(finished.status == 0)
        let reports = finished.errors.split(separator: "\n").filter { $0.contains("/dev/full") }
        #expect(reports.count == 2, "once when it begins, once at the end: \(reports)")
        #expect(reports.last?.contains("8 events are lost") == true)
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

    /// Starts a receiver of posts.
    /// - Parameter status: Python's expression for the status of the post number `count`.
    private func receiver(_ status: String) throws -> (process: ChildProcess, port: Substring) {
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
                        status = \(status)
                        if status < 300: sys.stdout.write(body.decode() + "\\n")
                        self.send_response(status)
                        if status in (307, 308): self.send_header("Location", "https://new.example/events")
                        self.end_headers()
                    def log_message(self, *arguments): pass
                server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
                print(server.server_port)
                server.serve_forever()
                """,
            ], program: "/usr/bin/python3")
        try receiver.waitForOutput { $0.contains("\n") }
        return (receiver, receiver.outputSoFar.prefix { $0 != "\n" })
    }

    /// The first answers are errors, and every event arrives in order nevertheless.
    @Test func webHookTriesAgain() throws {
        let (receiver, port) = try receiver("503 if count <= 2 else 204")
        let server = try Server(["events.webhook.url=http://127.0.0.1:\(port)/events?a=b"])
        let expected = try stream(server, "a")
        try receiver.waitForOutput { $0.split(separator: "\n").count == 1 + expected.count }
        #expect(receiver.outputSoFar.split(separator: "\n").dropFirst().map { withoutTime($0) } == expected)
        #expect(try server.metric("output_failures_total{output=\"webhook\"}") == 2)
        let finished = try server.stop()
        #expect(finished.status == 0 && finished.errors.contains("it answers 503 Service Unavailable"))
        #expect(finished.errors.contains("events are accepted again"))
    }

    /// An event that is refused for good is given up at once, with its identity, and blocks none that follows.
    @Test(arguments: [400, 401, 404, 413, 301, 307])
    func refusedEventIsGivenUp(status: Int) throws {
        let (receiver, port) = try receiver("\(status) if count == 2 else 204")
        let server = try Server(["events.webhook.url=http://127.0.0.1:\(port)/events"])
        #expect(try server.metric("lost_events_total{output=\"webhook\"}") == 0)
        let expected = try stream(server, "a") + stream(server, "b")
        try receiver.waitForOutput { $0.split(separator: "\n").count == expected.count }
        let arrived = receiver.outputSoFar.split(separator: "\n").dropFirst().map { withoutTime($0) }
        #expect(arrived.count == expected.count - 1)
        // Streams take turns, so that the order within each is certain.
        for name in ["a", "b"] {
            let events = expected.filter { $0.contains("\"stream\":\"\(name)\"") }
            #expect(arrived.filter(events.contains) == events.filter(arrived.contains), "\(arrived)")
        }
        #expect(try server.metric("lost_events_total{output=\"webhook\"}") == 1)
        let finished = try server.stop()
        #expect(finished.errors.contains("is given up: it answers \(status) "), "\(finished.errors)")
        #expect(finished.errors.contains("a-880-yes is lost") || finished.errors.contains("-left is lost"))
        if status == 307 { #expect(finished.errors.contains("set events.webhook.url to https://new.example/events")) }
        #expect(!finished.errors.contains("Refused(") && !finished.errors.contains(".swift"))
    }

    /// While an event of one stream is tried again, those of others arrive.
    @Test func otherStreamsGoOn() throws {
        let (receiver, port) = try receiver("500 if b'\"stream\":\"a\"' in body and count < 5 else 204")
        let server = try Server(["events.webhook.url=http://127.0.0.1:\(port)/events"])
        let (held, others) = (try stream(server, "a"), try stream(server, "b"))
        try receiver.waitForOutput { $0.split(separator: "\n").count == 1 + held.count + others.count }
        let arrived = receiver.outputSoFar.split(separator: "\n").dropFirst().map { withoutTime($0) }
        #expect(arrived.filter { $0.contains("\"stream\":\"a\"") } == held)
        #expect(arrived.filter { $0.contains("\"stream\":\"b\"") } == others)
        #expect(arrived.first == others.first, "\(arrived)")
        #expect(try server.stop().status == 0)
    }

    /// A receiver that is not there is named in words, and each event is counted as lost after its last try.
    @Test func missingReceiverIsNamed() throws {
        let server = try Server(["events.webhook.url=http://127.0.0.1:9/events", "events.webhook.tries=1"])
        let count = try stream(server, "a").count
        for _ in 0..<1000 where try server.metric("lost_events_total{output=\"webhook\"}") < Double(count) {
            usleep(10_000)
        }
        #expect(try server.metric("lost_events_total{output=\"webhook\"}") == Double(count))
        let finished = try server.stop()
        let lines = finished.errors.split(separator: "\n").filter { $0.contains("127.0.0.1:9/events") }
        #expect(lines.count == 2 && lines[0].contains("is given up: Connection refused; "), "\(finished.errors)")
        #expect(lines.last?.hasSuffix("\(count) events are lost: Connection refused") == true, "\(finished.errors)")
    }

    /// The end of the service names the number of events that a web hook did not get, those that wait included.
    @Test func unsentEventsAreCountedAtTheEnd() throws {
        let server = try Server(["events.webhook.url=http://127.0.0.1:9/events", "events.webhook.tries=1000"])
        let count = try stream(server, "a").count + stream(server, "b").count
        let finished = try server.stop()
        #expect(finished.status == 0)
        #expect(finished.errors.contains(": \(count) events are lost: Connection refused\n"), "\(finished.errors)")
        let (receiver, port) = try receiver("204")
        let good = try Server(["events.webhook.url=http://127.0.0.1:\(port)/events"])
        #expect(try stream(good, "a").count == 4)
        #expect(try !good.stop().errors.contains("lost"))
        withExtendedLifetime(receiver) {}
    }

    /// Events that a killed service left open end in the outputs of the next one, whatever its addresses are.
    @Test func killedServiceLeavesNoEventOpen() throws {
        let settings = ["state.folder=\(folder.path)/states", "events.file.path=\(folder.path)/events.jsonl"]
        func lines() throws -> [Substring] {
            String(decoding: (try? folder.read("events.jsonl")) ?? [], as: UTF8.self).split(separator: "\n")
        }
        func wait(for count: Int) throws {
            for _ in 0..<6000 where try lines().count < count { usleep(10_000) }
            #expect(try lines().count == count)
        }
        let killed = try Server(settings)
        #expect(try stream(killed, "closed", labels: ["yes"]).count == 2)
        let socket = try WebSocketClient(killed, "/v1/stream?stream=open&\(Self.always)&allow=yes&allow=no")
        try socket.send(Sound.raw(Sound.samples(16000)))
        try wait(for: 4)
        // Another service with this folder is running, and its events stay open.
        let other = try Server(["state.folder=\(folder.path)/states", "events.file.path=/dev/null"])
        let held = try WebSocketClient(other, "/v1/stream?stream=held&\(Self.always)&allow=yes")
        try held.send(Sound.raw(Sound.samples(16000)))
        for _ in 0..<600 where try other.metric("events_total{label=\"yes\"}") == 0 { usleep(10_000) }
        usleep(200_000)
        killed.child.send(signal: SIGKILL)
        _ = try killed.child.wait()
        let next = try Server(settings)
        try wait(for: 6)
        let ends = try lines().suffix(2).map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
        #expect(Set(ends.compactMap { $0["label"]?.string }) == ["yes", "no"])
        for end in ends {
            #expect(end["phase"] == "end" && end["stream"] == "open" && end["t1"] == .null, "\(end)")
            #expect(end["interrupted"] == .bool(true) && end["id"]?.string?.hasPrefix("open-") == true)
        }
        #expect(try next.stop().status == 0)
        let last = try Server(settings)
        #expect(try last.stop().status == 0)
        #expect(try lines().count == 6, "an event ends once")
        _ = try other.stop()
        withExtendedLifetime((socket, held)) {}
    }
}
