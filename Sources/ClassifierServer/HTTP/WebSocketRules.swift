internal import NIOCore
internal import NIOWebSocket

/// A breach of the rules of WebSockets (RFC 6455) by a client, which ends its connection.
struct WebSocketFault: Error {
    /// The code of the `error` record, and the reason of the close frame.
    let code: String
    let message: String

    /// Finds the fault of a frame by itself.
    /// - Returns: nil for a frame without one. Its place among other frames may still be wrong.
    init?(_ frame: WebSocketFrame) {
        if frame.maskKey == nil {
            self = .broken("a frame of the client has no mask (section 5.1)")
        } else if frame.rsv1 || frame.rsv2 || frame.rsv3 {
            self = .broken("a frame has a reserved bit, of an extension that was not agreed on (section 5.2)")
        } else {
            switch frame.opcode {
            case .continuation, .text, .binary, .ping, .pong: return nil
            case .connectionClose:
                guard let fault = Self.faultOfClose(frame.unmaskedData) else { return nil }
                self = fault
            default:
                self = .broken("a frame has the reserved opcode \(UInt8(webSocketOpcode: frame.opcode)) (section 5.2)")
            }
        }
    }

    /// Translates an error of the frames' decoder or of the aggregator of messages.
    /// - Parameter limit: the largest message in bytes.
    /// - Returns: nil for other errors.
    init?(_ error: any Error, limit: Int) {
        switch error {
        case let fault as WebSocketFault: self = fault
        case NIOWebSocketError.invalidFrameLength, NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge:
            self = .tooLarge("a message is larger than limits.message_bytes, \(limit) bytes; send less at once")
        case NIOWebSocketFrameAggregator.Error.tooManyFragments:
            self = .tooLarge("a message has more than \(Self.mostFragments) fragments; send fewer and larger ones")
        case NIOWebSocketError.fragmentedControlFrame: self = .broken("a control frame is fragmented (section 5.5)")
        case NIOWebSocketError.multiByteControlFrameLength:
            self = .broken("a control frame has more than 125 bytes (section 5.5)")
        case NIOWebSocketFrameAggregator.Error.receivedNewFrameWithoutFinishingPrevious:
            self = .broken("a message begins before the last fragment of another one (section 5.4)")
        case NIOWebSocketFrameAggregator.Error.didReceiveFragmentBeforeReceivingTextOrBinaryFrame:
            self = .broken("a fragment continues no message (section 5.4)")
        case is NIOWebSocketError, is NIOWebSocketFrameAggregator.Error: self = .broken("\(error)")
        default: return nil
        }
    }

    private init(code: String, message: String) { (self.code, self.message) = (code, message) }

    /// Largest number of fragments of a message.
    static let mostFragments = 1024

    /// A text that is not UTF-8.
    static let encoding = Self(code: "encoding", message: "a text is not valid UTF-8 (RFC 6455, section 8.1)")

    /// A length that is not written in the fewest bytes, or has its highest bit set.
    static let length = broken("the length of a frame is not written in the fewest bytes (section 5.2)")

    private static func tooLarge(_ message: String) -> Self { Self(code: "too_large", message: message) }

    private static func broken(_ rule: String) -> Self {
        Self(code: "protocol", message: "the frames break RFC 6455: \(rule); does a proxy change them?")
    }

    /// Codes that a close frame may have: those of RFC 6455, section 7.4, with those registered later.
    private static func isSendable(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private static func faultOfClose(_ payload: ByteBuffer) -> Self? {
        var rest = payload
        guard payload.readableBytes > 0 else { return nil }
        guard let code = rest.readInteger(as: UInt16.self) else {
            return .broken("a close frame has half a code (section 5.5.1)")
        }
        guard isSendable(code) else { return .broken("a close frame has the reserved code \(code) (section 7.4)") }
        return String(validating: rest.readableBytesView, as: UTF8.self) == nil ? .encoding : nil
    }
}

/// Refuses frames that break the rules. It stands before the aggregator, whose messages have no masks and no bits.
final class WebSocketFrameCheck: ChannelInboundHandler, Sendable {
    typealias InboundIn = WebSocketFrame

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let fault = WebSocketFault(Self.unwrapInboundIn(data)) {
            context.fireErrorCaught(fault)
        } else {
            context.fireChannelRead(data)
        }
    }
}
