internal import NIOCore
internal import NIOHTTP1

/// Answers bytes that are no HTTP with 400, and closes the connection. There is no such answer while another one is
/// being written, or after the last one of the connection: what follows is nobody's request.
final class ParserErrorAnswer: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whether an answer has begun and not ended.
    private var isAnswering = false
    /// Whether the newest answer ends the connection.
    private var isLast = false

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            context.fireErrorCaught(error)
            return
        }
        if !isAnswering && !isLast {
            let answer = HTTPAnswer.failure(.badRequest, code: "http", Self.message(error))
            for part in answer.parts(keepsAlive: false) {
                context.write(Self.wrapOutboundOut(HTTPServerResponsePart(part)), promise: nil)
            }
        }
        // The end of the answer before may wait for this, too: it lets the error through that came behind its request.
        context.flush()
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch Self.unwrapOutboundIn(data) {
        case .head(let head) where head.status.code >= 200:
            isAnswering = true
            isLast = head.headers[canonicalForm: "Connection"].contains("close")
        case .end: isAnswering = false
        default: break
        }
        context.write(data, promise: promise)
    }

    private static func message(_ error: HTTPParserError) -> String {
        switch error {
        case .headerOverflow: "the request's headers are longer than limits.header_bytes"
        case .invalidEOFState: "the request ends before its end: a header or a part of the body is missing"
        // The parser has no name for some contradictions.
        case .unexpectedContentLength, .unknown:
            "the request contradicts itself: it may have both a Content-Length and a Transfer-Encoding; send only one"
        default: "this is no HTTP/1.1 request: \(error)"
        }
    }
}
