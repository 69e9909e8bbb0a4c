internal import Glibc
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

    /// A client that sends more than the service has read at the time of its answer still reads the answer.
    @Test(arguments: [
        ("zeros", "", "400"),
        ("TLS at a port of plain HTTP", "\u{16}\u{3}\u{1}\u{2}\u{0}", "400"),
        ("HTTP/1.0 without a length", "POST /v1/classify HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\nRIFF", "422"),
        ("a wrong length", Self.form + "Content-Length: -1\r\n\r\n", "400"),
        ("a wrong chunk", Self.form + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n", "400"),
        ("the last request", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", "200"),
        ("the second request", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\njunk\r\n\r\n", "200 400"),
    ])
    func answerIsReadByAClientThatGoesOn(what: String, request: String, expected: String) throws {
        for _ in 0..<5 {
            let socket = try server.connect()
            try socket.send(Array(request.utf8))
            for _ in 0..<30 {
                // The service may have closed the connection's other direction, but it goes on reading.
                try socket.send([UInt8](repeating: 0, count: 1000))
                usleep(1000)
            }
            let text = String(decoding: try socket.receiveAll(), as: UTF8.self)
            #expect(statuses(text).joined(separator: " ") == expected, "\(what): \(text)")
        }
    }

    /// Behind an answered request of a connection that goes on, a broken one is answered, too.
    @Test func brokenRequestBehindAGoodOneIsAnswered() throws {
        let text = try answer("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nRIFFnothing\r\n\r\n")
        #expect(statuses(text) == ["200", "400"], "\(text)")
    }

    /// Behind a request for another protocol the parser reads no HTTP: the answer ends the connection.
    @Test(arguments: [
        (
            "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
            "200"
        ),
        (form + "Content-Length: 3\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nabc", "422"),
        ("GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "426"),
        ("CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "404"),
    ])
    func otherProtocolEndsTheConnection(request: String, status: String) throws {
        let health = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for before in ["", health] {
            let text = try answer(before + request, isEnded: false)
            #expect(statuses(text) == (before.isEmpty ? [] : ["200"]) + [Substring(status)], "\(text)")
            #expect(text.contains("Connection: close"), "\(text)")
        }
    }

    @Test(arguments: ["9223372036854775807", "9223372036854775808", "18446744073709551615"])
    func hugeLengthIsRefusedAtOnce(length: String) throws {
        let text = try answer("\(Self.form)Content-Length: \(length)\r\n\r\nabc", isEnded: false)
        #expect(statuses(text) == ["413"], "\(text)")
    }

    /// HTTP/1.0 knows no chunks: the end of the connection ends an answer without a length (RFC 9112, section 6.1).
    @Test func oldClientsGetNoChunks() throws {
        let samples = String(repeating: "\0", count: 32000)
        let query = "sample_format=s16le&rate=16000&emit=frames"
        let request = "POST /v1/classify?\(query) HTTP/1.0\r\nContent-Length: 32000\r\n\r\n\(samples)"
        let reply = try Reply(Array(try answer(request, isEnded: false).utf8))
        #expect(reply.status == 200 && reply.headers["transfer-encoding"] == nil, "\(reply.headers)")
        #expect(reply.lines.count > 2 && reply.lines.allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
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
