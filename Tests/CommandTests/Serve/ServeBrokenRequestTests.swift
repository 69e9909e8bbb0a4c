internal import StrictCoding
internal import TestSupport
internal import Testing

/// Bytes that are no complete request of HTTP are answered once, in JSON, and end their connection.
@Suite struct ServeBrokenRequestTests {
    private let server: Server
    private static let form = "POST /v1/classify HTTP/1.1\r\nHost: 127.0.0.1\r\n"

    init() throws { server = try Server() }

    /// Returns all that comes back, without the words by which a half-closed connection is probed.
    private func answer(_ request: String, isEnded: Bool = true) throws -> String {
        let socket = try server.connect()
        try socket.send(Array(request.utf8))
        if isEnded { socket.finish() }
        return String(decoding: try socket.receiveAll(), as: UTF8.self)
            .replacing("HTTP/1.1 100 Continue\r\n\r\n", with: "")
    }

    /// Returns the statuses of the answers in a text.
    private func statuses(_ text: String) -> [Substring] {
        text.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }.filter { Int($0) != nil }
    }

    @Test(arguments: [
        ("no HTTP", "nothing of the kind\r\n\r\n", "no HTTP/1.1 request"),
        ("a wrong version", "GET / HTTP/9.9\r\n\r\n", "no HTTP/1.1 request"),
        ("a cut header", "GET /healthz HTTP/1.1\r\nHost: 127", "ends before its end"),
        ("a cut body", form + "Content-Length: 10\r\n\r\nabc", "ends before its end"),
        ("a cut chunk", form + "Transfer-Encoding: chunked\r\n\r\nA\r\nabc", "ends before its end"),
        (
            "two lengths", form + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "both a Content-Length and a Transfer-Encoding"
        ),
        (
            "a long header", "GET / HTTP/1.1\r\nX: LONG\r\n\r\n",
            "limits.header_bytes"
        ),
    ])
    func brokenRequestIsAnswered(what: String, request: String, words: String) throws {
        let text = try answer(request.replacing("LONG", with: String(repeating: "x", count: 20_000)))
        #expect(statuses(text) == ["400"], "\(what): \(text)")
        let reply = try Reply(Array(text.utf8))
        #expect(try reply.json()["code"] == "http", "\(what): \(text)")
        #expect(try reply.json()["message"]?.string?.contains(words) == true, "\(what): \(text)")
    }

    /// What follows the last request of a connection is not answered.
    @Test(
        arguments: [
            ("POST /v1/classify HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\nRIFFnothing\r\n\r\n", "422"),
            ("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\nRIFFnothing\r\n\r\n", "200"),
        ], [true, false])
    func lastRequestHasOneAnswer(_ request: (text: String, status: String), isEnded: Bool) throws {
        let text = try answer(request.text, isEnded: isEnded)
        #expect(statuses(text) == [Substring(request.status)], "\(text)")
    }

    /// Behind an answered request of a connection that goes on, a broken one is answered, too.
    @Test func brokenRequestBehindAGoodOneIsAnswered() throws {
        let text = try answer("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nRIFFnothing\r\n\r\n")
        #expect(statuses(text) == ["200", "400"], "\(text)")
    }

    /// An opening of a WebSocket has no body.
    @Test(arguments: ["Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 3, 3\r\n"])
    func openingWithABodyIsAnswered(field: String) throws {
        let opening =
            "GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        let text = try answer("\(opening)\(field)\r\nabc")
        #expect([["426"], ["400"]].contains(statuses(text)), "\(text)")
        let accepted = try WebSocketClient(server, "/v1/stream")
        try accepted.send(text: "{\"type\":\"end\"}")
        #expect(try accepted.receiveAll().texts("end").count == 1)
    }
}
