internal import FoundationEssentials
internal import StrictCoding
internal import Testing

/// Rules of WebSockets (RFC 6455) that clients break: each has its close code, for streams and for watchers.
@Suite struct ServeFrameTests {
    private static let mask: [UInt8] = [1, 2, 3, 4]

    /// Returns a frame with a mask.
    /// - Parameter first: the byte with the bits and the opcode.
    private static func frame(_ first: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)] : [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        return [first] + length + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    /// Returns a frame whose length has so many bytes.
    private static func frame(_ first: UInt8, _ count: UInt64, lengthBytes: UInt64) -> [UInt8] {
        let length = (0..<lengthBytes).map { UInt8(truncatingIfNeeded: count >> (8 * (lengthBytes - 1 - $0))) }
        return [first, lengthBytes == 2 ? 0xFE : 0xFF] + length + mask
            + [UInt8](repeating: 0, count: Int(min(count, 1 << 16)))
    }

    private static func close(_ code: Int, _ reason: [UInt8] = []) -> [UInt8] {
        frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    private static let long = [UInt8](repeating: 0x20, count: 126)
    /// The first byte of a character of two bytes without the second one.
    private static let half: [UInt8] = [0x22, 0xC3]

    private static let faults: [(name: String, bytes: [UInt8], code: Int, reason: String)] =
        [
            ("a text without a mask", [0x81, 2, 0x7B, 0x7D], 1002, "protocol"),
            ("samples without a mask", [0x82, 2, 0, 0], 1002, "protocol"),
            ("an empty frame without a mask", [0x82, 0], 1002, "protocol"),
            ("a ping without a mask", [0x89, 0], 1002, "protocol"),
            ("a close frame without a mask", [0x88, 2, 3, 0xE8], 1002, "protocol"),
            ("a reserved bit in a fragment", frame(0x02, [0, 0]) + frame(0xC0, [0, 0]), 1002, "protocol"),
            ("a fragmented ping", frame(0x09), 1002, "protocol"),
            ("a fragmented close frame", frame(0x08, [3, 0xE8]), 1002, "protocol"),
            ("a long ping", frame(0x89, long), 1002, "protocol"),
            ("a long close frame", frame(0x88, [3, 0xE8] + long), 1002, "protocol"),
            ("a fragment of nothing", frame(0x80, [0, 0]), 1002, "protocol"),
            ("a fragment after a message", frame(0x82, [0, 0]) + frame(0x80, [0, 0]), 1002, "protocol"),
            ("a message in a message", frame(0x02, [0, 0]) + frame(0x82, [0, 0]), 1002, "protocol"),
            ("fragments in a message", frame(0x02, [0, 0]) + frame(0x01, [0x7B]), 1002, "protocol"),
            ("half a close code", frame(0x88, [3]), 1002, "protocol"),
            ("a text in Latin 1", frame(0x81, half + [0x22]), 1007, "encoding"),
            ("half a character", frame(0x81, half), 1007, "encoding"),
            ("fragments in Latin 1", frame(0x01, half) + frame(0x80, [0x22]), 1007, "encoding"),
            ("an encoded surrogate", frame(0x81, [0xED, 0xA0, 0x80]), 1007, "encoding"),
            ("a reason in Latin 1", close(1000, half), 1007, "encoding"),
            ("a large message", frame(0x82, [UInt8](repeating: 0, count: 5000)), 1009, "too_large"),
            (
                "a large message in fragments",
                frame(0x02, [UInt8](repeating: 0, count: 3000)) + frame(0x80, [UInt8](repeating: 0, count: 3000)), 1009,
                "too_large"
            ),
            (
                "many fragments", frame(0x02) + (0..<1024).flatMap { _ in frame(0x00) } + frame(0x80), 1009,
                "too_large"
            ),
            // The first fault counts, whatever comes behind it.
            ("a fault and a proper end", [0x81, 2, 0x7B, 0x7D] + close(1000), 1002, "protocol"),
            (
                "a fault and more frames", frame(0x89, long) + frame(0x82, [0, 0]) + frame(0x80) + [0x82, 0], 1002,
                "protocol"
            ),
        ]
        + [UInt64(0), 1, 2, 124, 125].map {
            ("a length of \($0) in two bytes", frame(0x82, $0, lengthBytes: 2), 1002, "protocol")
        }
        + [UInt64(0), 1, 125, 126, 2000, 65535, 1 << 63, .max].map {
            ("a length of \($0) in eight bytes", frame(0x82, $0, lengthBytes: 8), 1002, "protocol")
        }
        + [
            ("a long length of a ping", frame(0x89, 5, lengthBytes: 2), 1002, "protocol"),
            ("a long length of a text", frame(0x81, 2, lengthBytes: 8), 1002, "protocol"),
            ("a long length of a close frame", frame(0x88, 0, lengthBytes: 2), 1002, "protocol"),
            ("a long length of a fragment", frame(0x02, 3, lengthBytes: 8), 1002, "protocol"),
            ("a long length without a mask", [0x82, 126, 0, 1, 0], 1002, "protocol"),
            (
                "a long length after good frames", frame(0x82, [0, 0]) + frame(0x82, 2, lengthBytes: 2), 1002,
                "protocol"
            ),
            ("a length of 2^40 in eight bytes", frame(0x82, 1 << 40, lengthBytes: 8), 1009, "too_large"),
        ]
        + [0xC2, 0xA2, 0x92, 0xF1].map { ("a reserved bit of \($0)", frame($0, [0, 0]), 1002, "protocol") }
        + (Array(3...7) + Array(11...15)).map { ("the opcode \($0)", frame(0x80 | $0), 1002, "protocol") }
        + [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535].map {
            ("the close code \($0)", close($0), 1002, "protocol")
        }

    @Test(arguments: [false, true]) func faultsHaveTheirCodes(isWatcher: Bool) throws {
        let server = try Server(["limits.message_bytes=4096", "limits.connections_per_second=10000"])
        let watched = try WebSocketClient(server, "/v1/stream?stream=watched")
        for fault in Self.faults {
            let socket = try WebSocketClient(server, isWatcher ? "/v1/streams/watched/watch" : "/v1/stream")
            try socket.socket.send(fault.bytes)
            let messages = try socket.receiveAll()
            #expect(messages.last == .close(fault.code, fault.reason), "\(fault.name)")
            let errors = messages.texts("error")
            #expect(errors.count == 1 && errors[0].contains("\"code\":\"\(fault.reason)\""), "\(fault.name)")
        }
        try watched.send(text: "{\"type\":\"end\"}")
        #expect(try watched.receiveAll().last == .close(1000, ""), "no other stream is disturbed")
        #expect(try server.stop().status == 0)
    }

    /// Lengths at the limits between their forms are heard, wherever their bytes are cut.
    @Test(arguments: [1, 7, 4096]) func shortestLengthsAreRight(piece: Int) throws {
        let server = try Server(["limits.message_bytes=100000"])
        let socket = try WebSocketClient(server, "/v1/stream?sample_format=u8")
        let sizes = [0, 1, 125, 126, 127] + (piece == 1 ? [300] : [65535, 65536])
        var bytes: [UInt8] = []
        for size in sizes {
            let payload = [UInt8](repeating: 0, count: size)
            bytes += size < 65536 ? Self.frame(0x82, payload) : Self.frame(0x82, 65536, lengthBytes: 8)
        }
        for text in ["ping", "end"] { bytes += Self.frame(0x81, Array("{\"type\":\"\(text)\"}".utf8)) }
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try socket.socket.send(Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        let messages = try socket.receiveAll()
        #expect(messages.last == .close(1000, "") && messages.texts("error").isEmpty)
        let pong = try #require(messages.texts("pong").first)
        let heard = try JSONDecoder().decode(JSONValue.self, from: Data(pong.utf8))
        let samples = (heard["sample"]?.number ?? 0) + (heard["queued_samples"]?.number ?? 0)
        #expect(samples == Double(sizes.reduce(0, +)), "\(pong)")
    }

    /// A close frame is answered with its own code, and with none if it has none.
    @Test(arguments: [false, true]) func closeFramesAreAnswered(isWatcher: Bool) throws {
        let server = try Server(["limits.connections_per_second=10000"])
        let watched = try WebSocketClient(server, "/v1/stream?stream=watched")
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            let socket = try WebSocketClient(server, isWatcher ? "/v1/streams/watched/watch" : "/v1/stream")
            try socket.socket.send(Self.close(code, Array("é".utf8)))
            #expect(try socket.receiveAll().last == .close(code, ""))
            #expect(try socket.receive() == nil, "the server closes the connection")
        }
        let socket = try WebSocketClient(server, isWatcher ? "/v1/streams/watched/watch" : "/v1/stream")
        try socket.socket.send(Self.frame(0x88))
        #expect(try socket.receiveAll().last == .close(0, ""))
        withExtendedLifetime(watched) {}
    }

    /// Control frames between the fragments of a message are none of it, and a character may lie in two fragments.
    @Test func fragmentsAreOneMessage() throws {
        let server = try Server()
        let socket = try WebSocketClient(server, "/v1/stream")
        let text = Array("{\"type\":\"ping\",\"id\":5,\"name\":\"é\"}".utf8)
        let cut = try #require(text.firstIndex(of: 0xC3)) + 1
        try socket.socket.send(Self.frame(0x01, Array(text[..<cut])) + Self.frame(0x89, [7]))
        try socket.socket.send(Self.frame(0x00) + Self.frame(0x8A) + Self.frame(0x80, Array(text[cut...])))
        var messages: [WebSocketClient.Message] = []
        while messages.texts("pong").isEmpty, let message = try socket.receive() { messages.append(message) }
        #expect(messages.contains(.binary([7])), "the pong of a control frame")
        #expect(messages.texts("pong").first?.hasPrefix("{\"type\":\"pong\",\"v\":1,\"id\":5,") == true)
    }
}
