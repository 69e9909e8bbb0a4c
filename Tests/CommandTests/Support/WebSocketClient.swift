internal import TestSupport

/// A minimal WebSocket client (RFC 6455): whole masked messages out, frames in.
final class WebSocketClient {
    enum Message: Equatable {
        case text(String)
        case binary([UInt8])
        /// The code, and the reason.
        case close(Int, String)
    }

    let socket: Socket
    private var buffer: [UInt8]
    private var random = SplitMix64(seed: 9)

    /// - Throws: ``Refused`` with the answer if the server does not upgrade.
    convenience init(
        _ server: Server, _ target: String, headers: [String: String] = [:], receiveBuffer: Int32? = nil
    ) throws { try self.init(port: server.httpPort, target, headers: headers, receiveBuffer: receiveBuffer) }

    /// - Parameter early: bytes that are sent with the request, before its answer, and after which the client ends its
    ///   input; nil for none.
    init(
        port: Int, _ target: String, headers: [String: String] = [:], receiveBuffer: Int32? = nil,
        early: [UInt8]? = nil
    ) throws {
        socket = try Socket(port: port, receiveBuffer: receiveBuffer)
        var fields = [
            "Host": "127.0.0.1:\(port)", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ]
        fields.merge(headers) { $1 }
        let head = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
        try socket.send(Array("GET \(target) HTTP/1.1\r\n\(head)\r\n".utf8) + (early ?? []))
        if early != nil { socket.finish() }
        buffer = []
        while buffer.firstRange(of: Array("\r\n\r\n".utf8)) == nil {
            let bytes = try socket.receive()
            guard !bytes.isEmpty else { break }
            buffer += bytes
        }
        guard buffer.starts(with: Array("HTTP/1.1 101 ".utf8)), let end = buffer.firstRange(of: Array("\r\n\r\n".utf8))
        else {
            if !buffer.isEmpty { buffer += try socket.receiveAll() }
            throw Refused(reply: try Reply(buffer))
        }
        buffer.removeFirst(end.upperBound)
    }

    struct Refused: Error {
        let reply: Reply
    }

    func send(_ samples: [UInt8]) throws { try send(opcode: 2, samples) }
    func send(text: String) throws { try send(opcode: 1, Array(text.utf8)) }
    func close() throws { try send(opcode: 8, [0x03, 0xE8]) }

    func send(opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) throws {
        let mask = (0..<4).map { _ in UInt8(random.integer(in: 0...255)) }
        try socket.send(Self.frame(opcode, payload, isFinal: isFinal, mask: mask))
    }

    /// Returns the bytes of a frame.
    static func frame(
        _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, mask: [UInt8] = [1, 2, 3, 4]
    ) -> [UInt8] {
        var frame: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        frame += mask
        for (index, byte) in payload.enumerated() { frame.append(byte ^ mask[index % 4]) }
        return frame
    }

    /// Returns the next message; nil at the end of the connection.
    func receive() throws -> Message? {
        while true {
            if let message = takeFrame() { return message }
            let bytes = try socket.receive()
            if bytes.isEmpty { return nil }
            buffer += bytes
        }
    }

    /// Receives all messages until the server closes.
    func receiveAll() throws -> [Message] {
        var messages: [Message] = []
        while let message = try receive() {
            messages.append(message)
            if case .close = message { break }
        }
        return messages
    }

    private func takeFrame() -> Message? {
        guard buffer.count >= 2 else { return nil }
        var length = Int(buffer[1] & 0x7F)
        var start = 2
        if length >= 126 {
            let count = length == 126 ? 2 : 8
            guard buffer.count >= 2 + count else { return nil }
            length = buffer[2..<2 + count].reduce(0) { $0 << 8 | Int($1) }
            start += count
        }
        guard buffer.count >= start + length else { return nil }
        let opcode = buffer[0] & 0x0F
        let payload = Array(buffer[start..<start + length])
        buffer.removeFirst(start + length)
        switch opcode {
        case 1: return .text(String(decoding: payload, as: UTF8.self))
        case 8:
            let code = payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 0
            return .close(code, String(decoding: payload.dropFirst(2), as: UTF8.self))
        default: return .binary(payload)
        }
    }
}

extension [WebSocketClient.Message] {
    var texts: [String] { compactMap { if case .text(let text) = $0 { text } else { nil } } }

    /// Returns the texts that are records of a type.
    func texts(_ type: String) -> [String] { texts.filter { $0.hasPrefix("{\"type\":\"\(type)\",") } }
}
