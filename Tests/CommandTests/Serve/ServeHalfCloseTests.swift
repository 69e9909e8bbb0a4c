internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Clients of WebSockets that end their input (shutdown of their writing side): all that came before is heard.
@Suite struct ServeHalfCloseTests {
    private static let end = WebSocketClient.frame(1, Array("{\"type\":\"end\"}".utf8))

    /// Returns audio as messages of 40 ms.
    private static func messages(_ raw: [UInt8]) -> [UInt8] {
        stride(from: 0, to: raw.count, by: 1280).flatMap {
            WebSocketClient.frame(2, Array(raw[$0..<min($0 + 1280, raw.count)]))
        }
    }

    /// The frames of a stream without a name, which nothing resumes.
    private static func expected(_ raw: [UInt8]) throws -> [String] {
        try Program.run(["run", "-", "--input-format", "raw", "--source-name", "stream~1"], input: raw).lines("frame")
    }

    /// Audio that comes with the request, before its answer, and the end of the input behind it.
    @Test(arguments: [1, 10], [true, false]) func audioBeforeTheAnswerIsHeard(seconds: Int, isComplete: Bool) throws {
        let server = try Server()
        let raw = Sound.raw(Sound.samples(16_000 * seconds))
        let socket = try WebSocketClient(
            port: server.httpPort, "/v1/stream", early: Self.messages(raw) + (isComplete ? Self.end : []))
        let messages = try socket.receiveAll()
        #expect(try messages.texts("frame") == Self.expected(raw))
        #expect(messages.texts("start").count == 1 && messages.texts("end").count == 1)
        #expect(messages.last == .close(1000, ""))
        #expect(try socket.receive() == nil, "the server closes the connection")
        let reason = isComplete ? "complete" : "connection_lost"
        #expect(try server.metric("stream_ends_total{reason=\"\(reason)\"}") == 1)
        #expect(try server.stop().status == 0)
    }

    /// The same after the answer, with more audio than the service decodes at once.
    @Test func audioBeforeTheEndOfTheInputIsHeard() throws {
        let server = try Server()
        let raw = Sound.raw(Sound.samples(320_000))
        let socket = try WebSocketClient(server, "/v1/stream")
        try socket.socket.send(Self.messages(raw))
        socket.socket.finish()
        #expect(try socket.receiveAll().texts("frame") == Self.expected(raw))
        #expect(try server.stop().status == 0)
    }

    /// A Close frame is answered at once, and the audio before it is classified to its end.
    @Test func audioBeforeACloseFrameIsHeard() throws {
        let server = try Server(["events.stdout=true"])
        let always = "threshold=0.000000001&threshold_off=0.000000001&min_duration_ms=0&allow=yes"
        let audio = Self.messages(Sound.raw(Sound.samples(160_000)))
        let ends = [Self.end, WebSocketClient.frame(8, [0x03, 0xE8])]
        for (index, end) in ends.enumerated() {
            let socket = try WebSocketClient(
                port: server.httpPort, "/v1/stream?emit=events&\(always)", early: audio + end)
            #expect(try socket.receiveAll().last == .close(1000, ""))
            try server.child.waitForOutput { $0.split(separator: "\n").count == 2 * (index + 1) }
        }
        let lines = try server.stop().records("event").filter { $0["phase"] == .string("end") }
        let times = lines.compactMap { $0["t1"]?.number }
        #expect(times.count == 2 && times[0] == times[1] && times[0] > 9, "\(times)")
    }

    /// What a watcher sends before its end is answered, and the watched stream goes on.
    @Test(arguments: [true, false]) func watchersAreHeard(isEarly: Bool) throws {
        let server = try Server()
        let watched = try WebSocketClient(server, "/v1/stream?stream=watched")
        let pings = (0..<200).flatMap { WebSocketClient.frame(9, [UInt8($0)]) }
        let watcher = try WebSocketClient(
            port: server.httpPort, "/v1/streams/watched/watch", early: isEarly ? pings : nil)
        if !isEarly {
            try watcher.socket.send(pings)
            watcher.socket.finish()
        }
        let messages = try watcher.receiveAll()
        let pongs = messages.filter { if case .binary = $0 { true } else { false } }
        #expect(pongs == (0..<200).map { .binary([UInt8($0)]) })
        #expect(messages.texts("start").count == 1 && messages.last == .close(1000, ""))
        #expect(try watcher.receive() == nil, "the server closes the connection")
        try watched.send(Sound.raw(Sound.samples(16_000)))
        try watched.send(text: "{\"type\":\"end\"}")
        #expect(try watched.receiveAll().texts("frame").count == 24)
        #expect(try server.stop().status == 0)
    }

    /// A refused upgrade is answered, whatever comes with its request.
    @Test func refusalIsAnswered() throws {
        let server = try Server()
        for target in ["/v1/stream?sample_format=nothing", "/v1/streams/none/watch", "/healthz"] {
            let refused = try #require(throws: WebSocketClient.Refused.self) {
                _ = try WebSocketClient(
                    port: server.httpPort, target, early: Self.messages([UInt8](repeating: 0, count: 9000)))
            }
            #expect([400, 404].contains(refused.reply.status), "\(target): \(refused.reply.status)")
        }
        #expect(try server.stop().status == 0)
    }

    /// A request that misses a part of the opening (RFC 6455, section 4.2.1) is answered, also by paths without a
    /// WebSocket, and the end of the input behind it ends the connection.
    @Test(arguments: ["/v1/stream", "/v1/streams/a/watch", "/healthz"], [false, true])
    func incompleteOpeningsAreAnswered(path: String, isEnd: Bool) throws {
        let server = try Server()
        let whole = [
            ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        let changes: [(String, String?)] = [
            ("Sec-WebSocket-Key", nil), ("Sec-WebSocket-Key", "abc"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=!"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", nil), ("Sec-WebSocket-Version", "8"), ("Connection", nil),
            ("Connection", "close"), ("Upgrade", nil), ("Upgrade", "h2c"),
        ]
        for (name, value) in changes {
            let fields = whole.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 }
            let socket = try server.connect()
            let head = (fields + [("Host", "127.0.0.1")]).map { "\($0): \($1)\r\n" }.joined()
            try socket.send(Array("GET \(path) HTTP/1.1\r\n\(head)\r\n".utf8))
            if isEnd { socket.finish() }
            var answer = ""
            while answer.firstRange(of: "\r\n\r\n") == nil {
                let bytes = try socket.receive()
                guard !bytes.isEmpty else { break }
                answer += String(decoding: bytes, as: UTF8.self)
                // A client that has ended its input may get this first.
                let probe = "HTTP/1.1 100 Continue\r\n\r\n"
                if answer.hasPrefix(probe) { answer.removeFirst(probe.count) }
            }
            let status = path == "/healthz" ? "200" : "426"
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(path), \(name): \(value ?? "none"): \(answer)")
            #expect(status != "426" || answer.contains("Sec-WebSocket-Version: 13\r\n"), "\(answer)")
            if isEnd { _ = try socket.receiveAll() }
        }
        #expect(try server.stop().status == 0)
    }
}
