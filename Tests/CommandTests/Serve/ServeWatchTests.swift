internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Many watchers of one stream of `serve`: their number, what they share, and what waits for them.
@Suite struct ServeWatchTests {
    private static let raw = Sound.raw(Sound.samples(32_000))

    @Test func watchersTooManyAreRefused() throws {
        let server = try Server(["limits.watchers_per_stream=2"])
        let streams = try ["a", "b"].map { try WebSocketClient(server, "/v1/stream?stream=\($0)") }
        let watchers = try (0..<2).map { _ in try WebSocketClient(server, "/v1/streams/a/watch") }
        let refused = try #require(throws: WebSocketClient.Refused.self) {
            _ = try WebSocketClient(server, "/v1/streams/a/watch")
        }
        #expect(refused.reply.status == 503 && Int(refused.reply.headers["retry-after"] ?? "") ?? 0 > 0)
        #expect(refused.reply.text.contains("\"code\":\"watchers\""))
        #expect(refused.reply.text.contains("limits.watchers_per_stream"))
        #expect(try server.metric("refusals_total{reason=\"watchers\"}") == 1)
        // A page asks for the reason with a plain request.
        #expect(try server.request("GET", "/v1/streams/a/watch").status == 503)
        #expect(try server.request("GET", "/v1/streams/b/watch").status == 426)
        _ = try WebSocketClient(server, "/v1/streams/b/watch")
        // A watcher that goes makes room.
        try watchers[0].close()
        _ = try watchers[0].receiveAll()
        for _ in 0..<100 where try server.request("GET", "/v1/streams/a/watch").status == 503 { usleep(20_000) }
        _ = try WebSocketClient(server, "/v1/streams/a/watch")
        withExtendedLifetime((streams, watchers)) {}
    }

    /// Watchers with the same query share their frames; each one has what it asks for, also after another has gone.
    @Test func framesAreShared() throws {
        let server = try Server()
        let stream = try WebSocketClient(server, "/v1/stream?stream=w&emit=events")
        func watch(_ query: String) throws -> WebSocketClient {
            try WebSocketClient(server, "/v1/streams/w/watch?\(query)")
        }
        let leaving = try watch("emit=frames&top_k=12")
        let equal = try (0..<2).map { _ in try watch("emit=frames&top_k=12") }
        let first = try watch("emit=frames&top_k=1")
        let second = try watch("emit=frames&top_k=12&every=2")
        let changes = try (0..<2).map { _ in try watch("emit=changes") }
        try stream.send(Self.raw)
        // The first message is the record of the start.
        for _ in 0..<3 { #expect(try leaving.receive() != nil) }
        leaving.socket.vanish()
        try stream.send(Self.raw)
        try stream.send(text: "{\"type\":\"end\"}")
        _ = try stream.receiveAll()
        func run(_ arguments: [String]) throws -> [String] {
            let input = ["run", "-", "--input-format", "raw", "--source-name", "w"]
            return try Program.run(input + arguments, input: Self.raw + Self.raw).lines("frame")
        }
        let all = try run(["--top-k", "12"])
        #expect(!all.isEmpty)
        for watcher in equal { #expect(try watcher.receiveAll().texts("frame") == all) }
        #expect(try first.receiveAll().texts("frame") == run(["--top-k", "1"]))
        #expect(try second.receiveAll().texts("frame") == run(["--top-k", "12", "--every", "2"]))
        let changed = try run(["--emit", "changes"])
        for watcher in changes { #expect(try watcher.receiveAll().texts("frame") == changed) }
    }

    /// A watcher that does not read is dropped by the bytes that wait, long before there are too many records.
    @Test func bytesAreBounded() throws {
        let server = try Server(["streams.outputs=1000000"])
        let stream = try WebSocketClient(server, "/v1/stream?stream=s&emit=events")
        let watcher = try WebSocketClient(
            server, "/v1/streams/s/watch?emit=frames&features=true&top_k=12", receiveBuffer: 4096)
        func watchers() throws -> Double? { try server.request("GET", "/v1/streams/s").json()["watchers"]?.number }
        #expect(try watchers() == 1)
        // 400 pieces have 20 MB of features; the system's buffers take a part of them.
        for _ in 0..<400 where try watchers() == 1 { try stream.send(Self.raw) }
        #expect(try watchers() == 0)
        try stream.send(text: "{\"type\":\"end\"}")
        #expect(try stream.receiveAll().texts("end").count == 1)
        withExtendedLifetime(watcher) {}
    }
}
