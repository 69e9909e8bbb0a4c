internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Ends of streams and refusals of `serve`. No client can disturb another one.
@Suite struct ServeEndTests {
    private static let raw = Sound.raw(Sound.samples(16000))
    private static let always = "threshold=0.000000001&threshold_off=0.000000001"

    private func code(_ messages: [WebSocketClient.Message]) -> String? {
        if case .close(_, let reason)? = messages.last { reason } else { nil }
    }

    @Test func stopClosesEverything() throws {
        let server = try Server(hasTCP: true)
        let socket = try WebSocketClient(server, "/v1/stream?stream=a&emit=events&\(Self.always)")
        try socket.send(Self.raw)
        while case .text(let text)? = try socket.receive(), !text.contains("\"phase\":\"start\"") {}
        let bare = try Socket(port: try #require(server.tcpPort))
        var lines = LineReader(bare)
        try bare.send(Self.raw)
        while let line = try lines.next(), !line.contains("\"frame\":23,") {}
        _ = try server.connect()  // an idle connection must not hold it up
        server.child.send(signal: SIGTERM)
        let messages = try socket.receiveAll()
        let ended = messages.texts("event").filter { $0.contains("\"phase\":\"end\"") }
        #expect(!ended.isEmpty && messages.texts("end").count == 1 && code(messages) == "stopping")
        var last: String?
        while let line = try lines.next() { last = line }
        #expect(last == "{\"type\":\"end\",\"v\":1,\"stream\":\"tcp~1\",\"frames\":24,\"dropped\":0}")
        let finished = try server.child.wait(atMost: 20)
        #expect(finished.status == 0 && finished.output == "")
    }

    @Test func idleClientsAreClosed() throws {
        let server = try Server(["limits.idle_seconds=2"])
        let socket = try WebSocketClient(server, "/v1/stream?stream=a&emit=events&\(Self.always)")
        try socket.send(Self.raw)
        let messages = try socket.receiveAll()
        #expect(code(messages) == "idle")
        #expect(messages.texts("event").contains { $0.contains("\"phase\":\"end\"") })
        #expect(messages.texts("error").first?.contains("no audio came for 2 s") == true)
        // Half a request, and no byte at all.
        for start in ["GET / HTTP/1.1\r\nHost:", ""] {
            let half = try server.connect()
            try half.send(Array(start.utf8))
            #expect(try half.receiveAll().isEmpty)
        }
        #expect(try server.request("GET", "/v1/streams").json() == .array([]))
    }

    @Test func slowReadersAreDropped() throws {
        let server = try Server(["streams.outputs=16"])
        let socket = try WebSocketClient(
            server, "/v1/stream?stream=slow&features=true&top_k=12", receiveBuffer: 4096)
        let fast = try WebSocketClient(server, "/v1/stream?stream=fast")
        // Megabytes of features fill the system's buffers; the service's own are bounded.
        let piece = Sound.raw(Sound.samples(32_000))
        for _ in 0..<400 {
            do { try socket.send(piece) } catch { break }
            if try server.metric("stream_ends_total{reason=\"slow_reader\"}") == 1 { break }
        }
        #expect(try server.metric("stream_ends_total{reason=\"slow_reader\"}") == 1)
        try fast.send(Self.raw)
        try fast.send(text: "{\"type\":\"end\"}")
        #expect(try fast.receiveAll().texts("frame").count == 24)
    }

    /// An answer is computed only as fast as its client reads, and a client that reads nothing does not delay others.
    @Test func unreadAnswersAreDropped() throws {
        let server = try Server(["limits.files=1", "limits.idle_seconds=2"])
        let target = "/v1/classify?sample_format=s16le&rate=16000&emit=frames&top_k=12"
        // 15 minutes of audio, whose 20 MB of lines fill the system's buffers.
        let samples = Sound.samples(32_000)
        let body = Array(repeatElement(Sound.raw(samples), count: 450).joined())
        let head = "POST \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(server.httpPort)\r\nContent-Length: \(body.count)\r\n"
        let request = Array("\(head)Connection: close\r\n\r\n".utf8) + body
        let patient = try Socket(port: server.httpPort, receiveBuffer: 4096)
        try patient.send(request)
        sleep(1)
        let reply = try Reply(try patient.receiveAll())
        #expect(reply.status == 200 && reply.lines.count > 22_000)
        let stuck = try Socket(port: server.httpPort, receiveBuffer: 4096)
        try stuck.send(request)
        var status = 503
        for _ in 0..<60 where status == 503 {
            status = try server.request("POST", target, body: Self.raw).status
            if status == 503 { usleep(500_000) }
        }
        #expect(status == 200)
        withExtendedLifetime(stuck) {}
    }

    @Test func streamsTooManyAreRefused() throws {
        let server = try Server(["limits.streams=2"], hasTCP: true)
        let first = try WebSocketClient(server, "/v1/stream?stream=a")
        let second = try WebSocketClient(server, "/v1/stream?stream=b")
        let refused = try #require(throws: WebSocketClient.Refused.self) {
            _ = try WebSocketClient(server, "/v1/stream?stream=c")
        }
        #expect(refused.reply.status == 503 && Int(refused.reply.headers["retry-after"] ?? "") ?? 0 > 0)
        #expect(refused.reply.text.contains("limits.streams"))
        let bare = try Socket(port: try #require(server.tcpPort))
        #expect(String(decoding: try bare.receiveAll(), as: UTF8.self).contains("\"code\":\"streams\""))
        let duplicate = try #require(throws: WebSocketClient.Refused.self) {
            _ = try WebSocketClient(server, "/v1/stream?stream=a")
        }
        #expect(duplicate.reply.status == 409)
        try first.send(text: "{\"type\":\"end\"}")
        _ = try first.receiveAll()
        _ = try WebSocketClient(server, "/v1/stream?stream=c")
        try second.send(Self.raw)
        try second.send(text: "{\"type\":\"end\"}")
        #expect(try second.receiveAll().texts("frame").count == 24)
    }

    @Test func capacityIsMeasured() throws {
        // A hundredth of a thread has room for some streams, but not for two hundred.
        let server = try Server(["capacity.load=0.01", "capacity.threads=1"])
        var sockets: [WebSocketClient] = []
        var refusal: Reply?
        while refusal == nil && sockets.count < 200 {
            do { sockets.append(try WebSocketClient(server, "/v1/stream")) } catch let refused
                as WebSocketClient.Refused
            {
                refusal = refused.reply
            }
        }
        #expect(refusal?.status == 503 && refusal?.headers["retry-after"] != nil)
        #expect(refusal?.text.contains("\"code\":\"capacity\"") == true)
    }

    /// A low limit of open files is raised, or the log names the remedy.
    @Test func openFilesAreRaised() throws {
        for (hard, isEnough) in [(600, true), (300, false)] {
            let script = "ulimit -Sn 200; ulimit -Hn \(hard); exec \"$0\" \"$@\""
            let child = try ChildProcess(
                [
                    "-c", script, Program.path, "serve", "--set", "listen.http=127.0.0.1:0", "--set",
                    "limits.connections=300",
                ], program: "/bin/bash")
            try child.waitForErrors { $0.contains("listening on ") }
            #expect(child.errorsSoFar.contains("raise LimitNOFILE=") == !isEnough)
            child.send(signal: SIGTERM)
            #expect(try child.wait().status == 0)
        }
    }

    @Test func badClientsDisturbNoStream() throws {
        let server = try Server(["limits.message_bytes=4096"], hasTCP: true)
        let good = try WebSocketClient(server, "/v1/stream?stream=good")
        for text in ["", "{}", "{\"type\":\"loud\"}", "[1", "{\"type\":\"gap\",\"lost_samples\":-1}"] {
            let socket = try WebSocketClient(server, "/v1/stream")
            try socket.send(text: text)
            #expect(code(try socket.receiveAll()) == "control", "\(text)")
        }
        let notANumber = try WebSocketClient(server, "/v1/stream?sample_format=f32le")
        // At most 20 bytes distinguish samples from a container.
        try notANumber.send([0, 0, 0xC0, 0x7F] + [UInt8](repeating: 0, count: 16))
        #expect(code(try notANumber.receiveAll()) == "non_finite_sample")
        for (opcode, payload) in [(UInt8(2), 5000), (3, 1), (0, 1), (11, 1)] {
            let socket = try WebSocketClient(server, "/v1/stream")
            try? socket.send(opcode: opcode, [UInt8](repeating: 0, count: payload))
            _ = try? socket.receiveAll()
        }
        for _ in 0..<20 {
            let socket = try WebSocketClient(server, "/v1/stream")
            try socket.socket.send([0x82, 0xFE, 0x0F])  // the beginning of a message
            socket.socket.vanish()
        }
        var random = SplitMix64(seed: 7)
        for _ in 0..<100 {
            let socket = try server.connect()
            try? socket.send((0..<random.integer(in: 1...300)).map { _ in UInt8(random.integer(in: 0...255)) })
            socket.finish()
            _ = try? socket.receiveAll()
        }
        for piece in stride(from: 0, to: Self.raw.count, by: 4000) {
            try good.send(Array(Self.raw[piece..<piece + 4000]))
        }
        try good.send(text: "{\"type\":\"end\"}")
        let frames = try good.receiveAll().texts("frame")
        let run = try Program.run(["run", "-", "--input-format", "raw", "--source-name", "good"], input: Self.raw)
        #expect(frames == run.lines("frame"))
        for _ in 0..<100 where try server.metric("streams") > 0 { usleep(20_000) }
        #expect(try server.metric("streams") == 0)
        #expect(try server.stop().status == 0)
    }
}
