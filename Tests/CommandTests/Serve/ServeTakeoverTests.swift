internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A stream is one stream: clients that come back, go early, have no name or break a rule mix up and end no other.
@Suite struct ServeTakeoverTests {
    private static let raw = Sound.raw(Sound.samples(16000))

    private func streams(_ server: Server) throws -> Int {
        try server.request("GET", "/v1/streams").json().elements.count
    }

    /// A client that comes back continues its stream, and the old connection, which still sends, changes nothing.
    @Test(arguments: [1, 2])
    func newClientTakesOver(threads: Int) throws {
        let server = try Server(["capacity.threads=\(threads)"])
        let old = try WebSocketClient(server, "/v1/stream?stream=mic")
        try old.send(Array(Self.raw[..<16000]))
        while case .text(let text)? = try old.receive(), !text.contains("\"frame\":11,") {}
        let new = try WebSocketClient(server, "/v1/stream?stream=mic&resume=true")
        guard case .text(let start)? = try new.receive() else {
            Issue.record("no start")
            return
        }
        #expect(start.contains("\"sample\":8000,\"resumed\":true"))
        for _ in 0..<20 { try? old.send([UInt8](repeating: 0x55, count: 2000)) }
        let last = try old.receiveAll()
        #expect(last.last == .close(1008, "taken_over"))
        #expect(last.texts("error").first?.contains("\"code\":\"taken_over\"") == true)
        try new.send(Array(Self.raw[16000...]))
        try new.send(text: "{\"type\":\"end\"}")
        let run = try Program.run(["run", "-", "--input-format", "raw", "--source-name", "mic"], input: Self.raw)
        #expect(try new.receiveAll().texts("frame") == Array(run.lines("frame").dropFirst(12)))
    }

    /// Clients that ask for a WebSocket and go at once, with a reset or without, leave no stream.
    @Test func clientsThatGoLeaveNothing() throws {
        let server = try Server(["limits.connections_per_second=100000", "limits.idle_seconds=2"])
        let request = """
            GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:\(server.httpPort)\r\nUpgrade: websocket\r
            Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
            """
        for index in 0..<100 {
            let socket = try server.connect()
            try socket.send(Array(request.utf8))
            if index % 2 == 0 { socket.vanish() } else { socket.finish() }
        }
        var left = 100
        for _ in 0..<200 where left > 0 {
            usleep(50_000)
            left = try streams(server)
        }
        #expect(left == 0)
    }

    /// A connection beyond a limit is closed, and the others go on.
    @Test func refusedConnectionsEndNothing() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/pcm.sock"
        let server = try Server(["limits.connections=1"], unixPath: path, hasTCP: true)
        let good = try WebSocketClient(server, "/v1/stream?stream=good")
        let tcp = try (0..<40).map { _ in try Socket(port: try #require(server.tcpPort)) }
        let unix = try (0..<40).map { _ in try Socket(path: path) }
        let closed = try (tcp + unix).count { try $0.receiveAll().isEmpty }
        #expect(closed == 80)
        try good.send(Self.raw)
        try good.send(text: "{\"type\":\"end\"}")
        #expect(try good.receiveAll().texts("frame").count == 24)
        #expect(try server.stop().status == 0)
    }

    /// The service gives names that no client can choose, and nobody resumes a stream without a name.
    @Test func namesOfTheServiceAreItsOwn() throws {
        let folder = try TemporaryDirectory()
        let server = try Server(["state.folder=\(folder.path)/states"], hasTCP: true)
        let named = try ["tcp-1", "stream-1"].map { try WebSocketClient(server, "/v1/stream?stream=\($0)") }
        for client in named {
            try client.send(Self.raw)
            try client.send(text: "{\"type\":\"ping\"}")
            while case .text(let text)? = try client.receive(), !text.contains("\"pong\"") {}
        }
        let refused = try #require(throws: WebSocketClient.Refused.self) {
            _ = try WebSocketClient(server, "/v1/stream?stream=tcp~1")
        }
        #expect(refused.reply.status == 400)
        let bare = try Socket(port: try #require(server.tcpPort))
        var lines = LineReader(bare)
        #expect(try lines.next()?.contains("\"type\":\"start\"") == true)
        let nameless = try WebSocketClient(server, "/v1/stream?resume=true")
        guard case .text(let start)? = try nameless.receive() else {
            Issue.record("no start")
            return
        }
        #expect(start.contains("\"resumed\":false,\"note\":\"only a stream with a name can be resumed"))
        try nameless.send(Self.raw)
        nameless.socket.vanish()
        for _ in 0..<200 where try streams(server) > 3 { usleep(20_000) }
        #expect(try server.stop().status == 0)
        let saved = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/states").sorted()
        #expect(saved == ["stream-1.state", "tcp-1.state"])
        withExtendedLifetime(named) {}
    }

    /// A message that is too large ends its stream with a record and 1009, broken frames with 1002.
    @Test func brokenRulesAreNamed() throws {
        let server = try Server(["limits.message_bytes=4096"])
        for (frames, code, reason) in [
            ([(UInt8(2), 5000, true)], 1009, "too_large"), ([(2, 3000, false), (0, 3000, true)], 1009, "too_large"),
            ([(0, 10, true)], 1002, "protocol"), ([(2, 10, false), (2, 10, true)], 1002, "protocol"),
            ([(1, 2000, true)], 1008, "control"),
        ] {
            let socket = try WebSocketClient(server, "/v1/stream")
            for (opcode, count, isFinal) in frames {
                try socket.send(opcode: opcode, [UInt8](repeating: 0x20, count: count), isFinal: isFinal)
            }
            let messages = try socket.receiveAll()
            #expect(messages.last == .close(code, reason))
            #expect(messages.texts("error").first?.contains("\"code\":\"\(reason)\"") == true)
        }
    }

    /// A proper end is one Close frame, also after the client has answered it.
    @Test func closeFrameIsSentOnce() throws {
        let server = try Server()
        let socket = try WebSocketClient(server, "/v1/stream")
        try socket.send(text: "{\"type\":\"end\"}")
        #expect(try socket.receiveAll().last == .close(1000, ""))
        try socket.close()
        #expect(try socket.receive() == nil)
    }

    /// Gaps up to the largest position of a stream, and one-sample messages between them, end nothing.
    @Test func longGapsEndNothing() throws {
        let server = try Server()
        let socket = try WebSocketClient(server, "/v1/stream?stream=g&emit=events")
        for _ in 0..<600 {
            try socket.send([0, 0])
            try socket.send(text: "{\"type\":\"gap\",\"lost_samples\":1099511627776}")
        }
        try socket.send(Self.raw)
        try socket.send(text: "{\"type\":\"end\"}")
        let end = try JSONDecoder().decode(
            JSONValue.self, from: Data(try #require(try socket.receiveAll().texts("end").first).utf8))
        #expect(
            end["dropped"]?.number == Double((Int64(1) << 48) - 256), "256 gaps fit, the last one cut by 256 samples")
        #expect(try server.request("GET", "/healthz").status == 200)
    }
}
