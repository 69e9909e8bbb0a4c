internal import AudioClassifier
internal import NIOCore
internal import StrictCoding

/// Outputs as WebSocket messages (RFC 6455, section 5): text for records, binary for features.
struct WebSocketFraming: OutputFraming {
    enum Opcode: UInt8 { case text = 1, binary = 2, close = 8, ping = 9, pong = 10 }

    /// Codes of `error` records with a close code of their own.
    private static let closeCodes: [String: UInt16] = ["protocol": 1002, "encoding": 1007, "too_large": 1009]

    func append(_ record: Record, to buffer: inout ByteBuffer) { Self.append(record.json, to: &buffer) }

    func append(_ output: StreamOutput, to buffer: inout ByteBuffer) {
        switch output {
        case .record(let record): append(record, to: &buffer)
        case .text(let text): Self.append(text, to: &buffer)
        case .features(let first, let values):
            Self.appendHeader(.binary, length: 8 + 4 * values.count, to: &buffer)
            buffer.writeInteger(first, endianness: .little)
            for value in values { buffer.writeInteger(value.bitPattern, endianness: .little) }
        case .pong(let id, let status):
            var line = JSONWriter(type: "pong")
            if let id { line.add("id", id, decimals: 3) }
            line.add("sample", Int(status.position))
            line.add("queued_samples", status.queued)
            Self.append(line.text, to: &buffer)
        }
    }

    /// Appends the close frame: 1000 after a proper end, otherwise a code with the failure's name.
    func appendEnd(failure: String?, to buffer: inout ByteBuffer) {
        let code = failure.map { Self.closeCodes[$0] ?? 1008 } ?? 1000
        let reason = failure ?? ""
        Self.appendHeader(.close, length: 2 + reason.utf8.count, to: &buffer)
        buffer.writeInteger(code)
        buffer.writeString(reason)
    }

    /// Appends a control frame, whose data has 125 bytes at most.
    static func append(_ opcode: Opcode, _ data: ByteBuffer, to buffer: inout ByteBuffer) {
        appendHeader(opcode, length: data.readableBytes, to: &buffer)
        buffer.writeImmutableBuffer(data)
    }

    private static func append(_ text: String, to buffer: inout ByteBuffer) {
        appendHeader(.text, length: text.utf8.count, to: &buffer)
        buffer.writeString(text)
    }

    private static func appendHeader(_ opcode: Opcode, length: Int, to buffer: inout ByteBuffer) {
        buffer.writeInteger(0x80 | opcode.rawValue)
        switch length {
        case ..<126: buffer.writeInteger(UInt8(length))
        case ..<65536:
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(length))
        default:
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(length))
        }
    }
}
