internal import TestSupport
internal import Testing

/// Valid requests and messages with random changes: the service survives, and other streams are not disturbed.
@Suite struct ServeFuzzTests {
    /// Seeds that found a fault stay in the list.
    private static let seeds: [UInt64] = [1, 2, 3, 4]
    private static let rounds = 60

    private static func request(_ head: String, body: String = "") -> [UInt8] {
        Array("\(head) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(body.isEmpty ? "\r\n" : body)".utf8)
    }

    /// Returns a frame of a client with a mask of zeros.
    private static func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)] : [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        return [0x80 | opcode] + length + [0, 0, 0, 0] + payload
    }

    private static let conversations: [[UInt8]] = [
        request("GET /v1/streams"),
        request("GET /metrics") + request("HEAD /readyz"),
        request("POST /v1/classify?sample_format=s16le", body: "Content-Length: 64\r\n\r\n")
            + [UInt8](repeating: 7, count: 64),
        request("POST /v1/classify", body: "Transfer-Encoding: chunked\r\n\r\n4\r\nRIFF\r\n0\r\n\r\n"),
        request(
            "POST /v1/classify",
            body: "Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: 86\r\n\r\n"
                + "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n"
                + "RIFF\r\n--cut--\r\n"
        ),
        request("PUT /v1/streams/fuzz/state", body: "Content-Length: 5\r\n\r\nstate"),
        request(
            "GET /v1/stream?emit=events&top_k=2",
            body: "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            + frame(2, [UInt8](repeating: 3, count: 1280)) + frame(1, Array("{\"type\":\"ping\",\"id\":1}".utf8))
            + frame(9, [1, 2, 3]) + frame(2, [UInt8](repeating: 5, count: 99))
            + frame(1, Array("{\"type\":\"end\"}".utf8)) + frame(8, [3, 232]),
    ]

    /// Changes, removes and repeats some bytes.
    private static func change(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<random.integer(in: 1...4) where bytes.count > 1 {
            let place = random.integer(in: 0...(bytes.count - 1))
            let end = min(bytes.count, place + random.integer(in: 1...16))
            switch random.integer(in: 0...4) {
            case 0: bytes[place] = UInt8(random.integer(in: 0...255))
            case 1: bytes[place] ^= 1 << UInt8(random.integer(in: 0...7))
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: bytes.removeSubrange(end...)
            }
        }
        return bytes
    }

    @Test(arguments: seeds) func changedConversationsDisturbNoStream(seed: UInt64) throws {
        let server = try Server(["limits.idle_seconds=2", "limits.connections_per_second=10000"])
        let raw = Sound.raw(Sound.samples(32000))
        let good = try WebSocketClient(server, "/v1/stream?stream=good")
        var random = SplitMix64(seed: seed)
        for round in 0..<Self.rounds {
            let size = raw.count / Self.rounds / 2 * 2
            try good.send(Array(raw[round * size..<(round == Self.rounds - 1 ? raw.count : (round + 1) * size)]))
            let socket = try server.connect()
            let conversation = Self.conversations[random.integer(in: 0...(Self.conversations.count - 1))]
            try? socket.send(Self.change(conversation, &random))
            socket.finish()
            // One client in five closes without reading the answer.
            if random.integer(in: 0...4) == 0 { socket.vanish() } else { _ = try? socket.receiveAll() }
        }
        try good.send(text: "{\"type\":\"end\"}")
        let frames = try good.receiveAll().texts("frame")
        let run = try Program.run(["run", "-", "--input-format", "raw", "--source-name", "good"], input: raw)
        #expect(frames == run.lines("frame"), "seed \(seed)")
        #expect(try server.request("GET", "/healthz").status == 200)
        #expect(try server.stop().status == 0)
    }
}
