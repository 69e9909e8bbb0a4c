internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Clients that send their audio and close without reading a byte: the service's next write fails, and all that came
/// before is still classified, to its last event.
@Suite struct ServeVanishTests {
    enum Transport: CaseIterable { case tcp, unix, webSocket, earlyWebSocket }

    private static let clients = 10
    private static let rules = [
        "threshold=0.000000001", "threshold_off=0.000000001", "min_duration_ms=0", "allow=yes",
    ]
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func serve(_ emit: String) throws -> Server {
        try Server(
            ["events.stdout=true", "streams.emit=\(emit)"] + Self.rules.map { "streams.decision.\($0)" },
            unixPath: "\(folder.path)/s.sock", hasTCP: true)
    }

    /// Returns the time at which the event of the whole audio ends.
    private static func end(_ raw: [UInt8]) throws -> Double {
        let options = rules.flatMap { rule in
            let parts = rule.split(separator: "=")
            return ["--" + parts[0].replacing("_", with: "-"), String(parts[1])]
        }
        let run = try Program.run(
            ["run", "-", "--emit", "events", "--input-format", "raw"] + options, input: raw)
        return try #require(run.records("event").last?["t1"]?.number)
    }

    /// Sends audio to a new connection.
    /// - Parameter isAnswered: whether the client waits for the service's first byte, and leaves the others unread.
    private func connect(
        _ transport: Transport, _ server: Server, _ raw: [UInt8], isAnswered: Bool
    ) throws -> Socket {
        let messages = stride(from: 0, to: raw.count, by: 1280).flatMap {
            WebSocketClient.frame(2, Array(raw[$0..<min($0 + 1280, raw.count)]))
        }
        let socket: Socket
        switch transport {
        case .tcp: socket = try Socket(port: try #require(server.tcpPort))
        case .unix: socket = try Socket(path: try #require(server.unixPath))
        case .webSocket:
            let client = try WebSocketClient(server, "/v1/stream")
            try client.socket.send(messages)
            return client.socket
        case .earlyWebSocket:
            socket = try Socket(port: server.httpPort)
            let head = [
                "Host: 127.0.0.1:\(server.httpPort)", "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ]
            let request = "GET /v1/stream HTTP/1.1\r\n\(head.joined(separator: "\r\n"))\r\n\r\n"
            try socket.send(Array(request.utf8) + messages)
            return socket
        }
        if isAnswered { _ = try socket.receive(atMost: 1) }
        try socket.send(raw)
        return socket
    }

    private func ends(_ server: Server, _ count: Int) throws -> [Double] {
        try server.child.waitForOutput { $0.split(separator: "\n").count { $0.contains("\"phase\":\"end\"") } >= count }
        return try server.child.outputSoFar.split(separator: "\n").filter { $0.contains("\"phase\":\"end\"") }
            .compactMap { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))["t1"]?.number }
    }

    /// More audio than the service reads ahead, and no more than the system receives meanwhile; the client is gone
    /// before the first line comes.
    @Test(arguments: Transport.allCases, ["events", "frames"])
    func audioOfAClosedConnectionIsHeard(transport: Transport, emit: String) throws {
        let server = try serve(emit)
        // The system of a client that has read a byte discards what it has not sent: less fits into the first window.
        let raw = Sound.raw(Sound.samples(transport == .webSocket ? 16_000 : 48_000))
        for _ in 0..<Self.clients { _ = try connect(transport, server, raw, isAnswered: false) }
        let expected = try Self.end(raw)
        #expect(try ends(server, Self.clients) == [Double](repeating: expected, count: Self.clients))
        #expect(try server.stop().status == 0)
    }

    /// A client that closes with unread lines resets the connection; what the system had received is heard.
    @Test(arguments: [Transport.tcp, .unix, .webSocket], [false, true])
    func audioOfAResetConnectionIsHeard(transport: Transport, isReset: Bool) throws {
        let server = try serve("frames")
        let raw = Sound.raw(Sound.samples(16_000))
        for _ in 0..<Self.clients {
            let socket = try connect(transport, server, raw, isAnswered: true)
            if isReset { socket.vanish() }
        }
        let expected = try Self.end(raw)
        #expect(try ends(server, Self.clients) == [Double](repeating: expected, count: Self.clients))
        let reasons = try ["complete", "connection_lost"].map {
            try server.metric("stream_ends_total{reason=\"\($0)\"}")
        }
        #expect(reasons.reduce(0, +) == Double(Self.clients), "\(reasons)")
        #expect(try server.stop().status == 0)
    }
}
