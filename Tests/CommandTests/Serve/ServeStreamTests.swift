internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Streams of `serve` have the records of `run` on the same samples, byte for byte, over every kind of connection.
@Suite struct ServeStreamTests {
    private let folder: TemporaryDirectory
    private let server: Server
    private static let samples = Sound.samples(40_000)
    private static let raw = Sound.raw(samples)

    init() throws {
        folder = try TemporaryDirectory()
        server = try Server(unixPath: "\(folder.path)/pcm.sock", hasTCP: true)
    }

    private func expected(_ arguments: [String] = [], name: String, input: [UInt8] = raw) throws -> Finished {
        try Program.run(
            ["run", "-", "--input-format", "raw", "--source-name", name] + arguments, input: input)
    }

    /// Returns all lines of a stream of raw PCM.
    private func lines(_ socket: Socket, piece: Int) throws -> [String] {
        let raw = Self.raw
        for start in stride(from: 0, to: raw.count, by: piece) {
            try socket.send(Array(raw[start..<min(start + piece, raw.count)]))
        }
        socket.finish()
        return String(decoding: try socket.receiveAll(), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func records(_ lines: [String], _ type: String) -> [String] {
        lines.filter { $0.hasPrefix("{\"type\":\"\(type)\",") }
    }

    @Test(arguments: [997, 65536])
    func tcpEqualsRun(piece: Int) throws {
        let found = try lines(Socket(port: try #require(server.tcpPort)), piece: piece)
        let run = try expected(name: "tcp~1")
        #expect(records(found, "frame") == run.lines("frame") && records(found, "end") == run.lines("end"))
        #expect(found.first?.hasPrefix("{\"type\":\"start\",\"v\":1,\"stream\":\"tcp~1\",") == true)
    }

    /// A stream that ends inside a sample has the warning of `run` in its last record.
    @Test func endInsideASample() throws {
        let odd = Self.raw + [1]
        let run = try expected(name: "tcp~1", input: odd)
        let words = " ended inside a sample; its last 1 byte was not used"
        let end = try #require(run.lines("end").last)
        try #require(end.contains("\"standard input\(words)\""), "\(end)")
        func ends(_ name: String) -> [String] {
            [end.replacing("standard input", with: name).replacing("tcp~1", with: name)]
        }
        let socket = try Socket(port: try #require(server.tcpPort))
        try socket.send(odd)
        socket.finish()
        let found = String(decoding: try socket.receiveAll(), as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(records(found, "frame") == run.lines("frame") && records(found, "end") == ends("tcp~1"))
        let client = try WebSocketClient(server, "/v1/stream?stream=door")
        try client.send(odd)
        try client.send(text: "{\"type\":\"end\"}")
        #expect(try client.receiveAll().texts("end") == ends("door"))
    }

    /// The service gives a name of its own again after a restart, but no identity of an event.
    @Test func identitiesOfEventsDifferOverRestarts() throws {
        func identities() throws -> [String] {
            let thresholds = ["threshold", "threshold_off"].map { "streams.decision.\($0)=0.01" }
            let server = try Server(["streams.emit=events"] + thresholds, hasTCP: true)
            let found = records(try lines(Socket(port: try #require(server.tcpPort)), piece: 65536), "event")
            #expect(try server.stop().status == 0)
            return try found.compactMap {
                try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))["id"]?.string
            }
        }
        let (first, second) = (try identities(), try identities())
        #expect(!first.isEmpty && (first + second).allSatisfy { $0.hasPrefix("tcp~1~") })
        #expect(Set(first).isDisjoint(with: second), "\(first) \(second)")
        func positions(_ identities: [String]) -> [Substring] { identities.map { $0.dropFirst("tcp~1~".count + 7) } }
        #expect(positions(first) == positions(second) && positions(first).allSatisfy { $0.hasPrefix("-") })
    }

    @Test func unixEqualsRun() throws {
        let found = try lines(Socket(path: try #require(server.unixPath)), piece: 4096)
        #expect(records(found, "frame") == (try expected(name: "unix~1").lines("frame")))
        let mode = try FileManager.default.attributesOfItem(atPath: try #require(server.unixPath))[.posixPermissions]
        #expect(mode as? Int == 0o660, "other users cannot use the socket")
    }

    @Test(arguments: ["frames", "changes", "events"])
    func webSocketEqualsRun(emit: String) throws {
        var random = SplitMix64(seed: 6)
        let settings = ["--threshold", "0.02", "--threshold-off", "0.01"]
        let run = try expected(["--emit", emit] + settings, name: "mic")
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic&emit=\(emit)&threshold=0.02&threshold_off=0.01")
        var rest = Self.raw[...]
        while !rest.isEmpty {
            let count = min(random.integer(in: 1...5000), rest.count)
            try socket.send(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        try socket.send(text: "{\"type\":\"end\"}")
        let messages = try socket.receiveAll()
        #expect(messages.last == .close(1000, ""))
        #expect(messages.texts.dropFirst() == run.lines.dropFirst())
        #expect(run.lines.count > 2)
    }

    /// Streams that are stepped together have the same frames as each one alone.
    @Test func neighboursDoNotMatter() throws {
        let inputs = (0..<12).map { Sound.raw(Sound.samples(9000 + 700 * $0, seed: UInt64($0 + 10))) }
        let sockets = try inputs.indices.map { try WebSocketClient(server, "/v1/stream?stream=s\($0)") }
        for start in stride(from: 0, to: 60_000, by: 1500) {
            for (socket, input) in zip(sockets, inputs) where start < input.count {
                try socket.send(Array(input[start..<min(start + 1500, input.count)]))
            }
        }
        for socket in sockets { try socket.send(text: "{\"type\":\"end\"}") }
        for (index, socket) in sockets.enumerated() {
            let frames = try socket.receiveAll().texts("frame")
            #expect(frames == (try expected(name: "s\(index)", input: inputs[index]).lines("frame")))
        }
    }

    @Test func otherFormatsAreAccepted() throws {
        let stereo = Self.samples.flatMap { [Float($0) / 65536, Float($0) / 65536] }
        let input = Sound.raw(stereo)
        let format = ["--sample-format", "f32le", "--rate", "48000", "--channels", "2"]
        let run = try expected(format, name: "stereo", input: input)
        let socket = try WebSocketClient(
            server, "/v1/stream?stream=stereo&sample_format=f32le&rate=48000&channels=2")
        for start in stride(from: 0, to: input.count, by: 30_001) {
            try socket.send(Array(input[start..<min(start + 30_001, input.count)]))
        }
        try socket.send(text: "{\"type\":\"end\"}")
        #expect(try socket.receiveAll().texts("frame") == run.lines("frame"))
    }

    /// A fragmented message is one message, and pongs repeat the data of their pings.
    @Test func fragmentsAndPings() throws {
        let socket = try WebSocketClient(server, "/v1/stream?stream=f")
        try socket.send(opcode: 2, Array(Self.raw[..<999]), isFinal: false)
        try socket.send(opcode: 9, [1, 2, 3])
        try socket.send(opcode: 0, Array(Self.raw[999..<4000]), isFinal: true)
        try socket.send(text: "{\"type\":\"ping\",\"id\":5}")
        try socket.send(text: "{\"type\":\"end\"}")
        let messages = try socket.receiveAll()
        #expect(messages.contains(.binary([1, 2, 3])))
        #expect(messages.texts("pong").first?.hasPrefix("{\"type\":\"pong\",\"v\":1,\"id\":5,\"sample\":") == true)
        let run = try expected(name: "f", input: Array(Self.raw[..<4000]))
        #expect(messages.texts("frame") == run.lines("frame"))
    }

    /// Samples that a client reports as lost count as time, and all readers get the gap.
    @Test func gapsAreReported() throws {
        let socket = try WebSocketClient(server, "/v1/stream?stream=g")
        try socket.send(Array(Self.raw[..<20_000]))
        try socket.send(text: "{\"type\":\"gap\",\"lost_samples\":16000}")
        try socket.send(Array(Self.raw[20_000..<40_000]))
        try socket.send(text: "{\"type\":\"end\"}")
        let messages = try socket.receiveAll()
        #expect(
            messages.texts("gap") == [
                "{\"type\":\"gap\",\"v\":1,\"stream\":\"g\",\"sample\":10000,\"lost_samples\":16000}"
            ])
        #expect(
            messages.texts("end") == ["{\"type\":\"end\",\"v\":1,\"stream\":\"g\",\"frames\":30,\"dropped\":16000}"])
        let last = try #require(messages.texts("frame").last)
        let record = try JSONDecoder().decode(JSONValue.self, from: Data(last.utf8))
        #expect(record["sample"] == 35440 && record["frame"] == 29)
        #expect(try server.metric("dropped_samples_total") == 16000)
    }

    /// A watcher gets the stream's records and the model's features.
    @Test func streamIsWatched() throws {
        let socket = try WebSocketClient(server, "/v1/stream?stream=w&emit=events")
        #expect(try socket.receive() != nil)
        let watcher = try WebSocketClient(server, "/v1/streams/w/watch?emit=frames,events&features=true")
        #expect(try watcher.receive() != nil)
        let listed = try server.request("GET", "/v1/streams").json().elements
        #expect(listed.first?["stream"] == "w" && listed.first?["watchers"] == 1)
        try socket.send(Self.raw)
        try socket.send(text: "{\"type\":\"end\"}")
        _ = try socket.receiveAll()
        let messages = try watcher.receiveAll()
        #expect(messages.texts("frame") == (try expected(name: "w").lines("frame")))
        #expect(messages.texts("end").count == 1)
        var frames = 0
        for case .binary(let bytes) in messages {
            #expect(bytes[0] == UInt8(frames & 0xFF), "frames are numbered from the first on")
            frames += (bytes.count - 8) / (4 * 64)
        }
        #expect(frames > 240 && frames % 4 == 0)
        let none = try #require(throws: WebSocketClient.Refused.self) {
            _ = try WebSocketClient(server, "/v1/streams/none/watch")
        }
        #expect(none.reply.status == 404)
    }
}
