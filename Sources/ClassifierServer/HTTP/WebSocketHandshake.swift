internal import NIOHTTP1

/// The client's part of the opening of a WebSocket (RFC 6455, section 4.2.1).
///
/// SwiftNIO leaves a request for an upgrade without an answer if it misses a part, or announces a body. Such a request
/// is answered as one without an upgrade.
enum WebSocketHandshake {
    /// The only version of the protocol.
    static let version = "13"

    /// Whether a request names WebSocket as the protocol to change to, and has all that is needed for it.
    static func isComplete(_ head: HTTPRequestHead) -> Bool {
        func values(_ name: String) -> [String] { head.headers[canonicalForm: name].map(String.init) }
        return head.method == .GET && !announcesBody(head)
            && values("Upgrade").contains { $0.lowercased() == "websocket" }
            && values("Connection").contains { $0.lowercased() == "upgrade" }
            && values("Sec-WebSocket-Version") == [version]
            && head.headers["Sec-WebSocket-Key"].count == 1 && head.headers["Sec-WebSocket-Key"].allSatisfy(isKey)
    }

    private static func announcesBody(_ head: HTTPRequestHead) -> Bool {
        head.headers.contains(name: "Transfer-Encoding")
            || head.headers["Content-Length"].contains { Int($0) != 0 }
    }

    /// Whether a text is 16 bytes in base64 (RFC 4648).
    private static func isKey(_ text: String) -> Bool {
        text.utf8.count == 24 && text.hasSuffix("==")
            && text.utf8.dropLast(2).allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }
}
