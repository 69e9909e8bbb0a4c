internal import NIOCore

/// Follows the frames in a client's bytes and finds a length that is not written in the fewest bytes (RFC 6455, section
/// 5.2). A pure value.
struct WebSocketLengths {
    private enum State {
        /// At the first byte of a frame.
        case opcode
        /// At the byte with the mask's bit and the length, or its code.
        case length
        /// In a length of 2 or 8 bytes.
        case extended(count: Int, left: Int, value: UInt64, rest: UInt64)
        /// In the mask and the payload.
        case content(left: UInt64)
    }

    private var state = State.opcode

    init() {}

    /// Takes the next bytes.
    /// - Returns: the number of bytes before the last byte of a wrong length; nil for bytes without one.
    mutating func fault(in bytes: ByteBufferView) -> Int? {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if case .content(let left) = state {
                let count = Int(min(left, UInt64(bytes.endIndex - index)))
                index += count
                state = Self.content(left - UInt64(count))
            } else {
                guard take(bytes[index]) else { return index - bytes.startIndex }
                index += 1
            }
        }
        return nil
    }

    /// Takes a byte of a header.
    /// - Returns: false for the last byte of a wrong length.
    private mutating func take(_ byte: UInt8) -> Bool {
        switch state {
        case .opcode, .content: state = .length
        case .length:
            let mask: UInt64 = byte & 0x80 == 0 ? 0 : 4
            switch byte & 0x7F {
            case 126: state = .extended(count: 2, left: 2, value: 0, rest: mask)
            case 127: state = .extended(count: 8, left: 8, value: 0, rest: mask)
            case let length: state = Self.content(UInt64(length) + mask)
            }
        case .extended(let count, let left, let high, let mask):
            let value = high << 8 | UInt64(byte)
            guard left == 1 else {
                state = .extended(count: count, left: left - 1, value: value, rest: mask)
                return true
            }
            guard value >= (count == 2 ? 126 : 1 << 16), value < 1 << 63 else { return false }
            state = Self.content(value + mask)
        }
        return true
    }

    private static func content(_ left: UInt64) -> State { left == 0 ? .opcode : .content(left: left) }
}

/// Refuses frames with a wrong length. It stands before the decoder of frames, which accepts them.
final class WebSocketLengthCheck: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var lengths = WebSocketLengths()
    private var isBroken = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        var bytes = Self.unwrapInboundIn(data)
        guard let count = lengths.fault(in: bytes.readableBytesView) else {
            context.fireChannelRead(data)
            return
        }
        isBroken = true
        // The frames before it are good.
        if let good = bytes.readSlice(length: count) { context.fireChannelRead(Self.wrapInboundOut(good)) }
        context.fireErrorCaught(WebSocketFault.length)
    }
}
