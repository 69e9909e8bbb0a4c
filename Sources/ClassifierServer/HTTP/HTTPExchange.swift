internal import AudioClassifier
internal import NIOCore
internal import NIOHTTP1

/// One request and its answer on a connection that may carry more.
struct HTTPExchange {
    struct BodyTooLarge: Error {}

    let head: HTTPRequestHead
    /// What follows on the connection.
    private(set) var parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
    private let bodyLimit: Int
    private var bodyBytes = 0
    private var isRead = false
    /// Whether the connection goes on after the answer.
    private(set) var keepsAlive: Bool

    init(
        head: HTTPRequestHead, parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>, bodyLimit: Int
    ) {
        self.head = head
        self.parts = parts
        self.outbound = outbound
        self.bodyLimit = bodyLimit
        keepsAlive = head.isKeepAlive
    }

    /// A client that waits before it sends its body is told to send it.
    mutating func acceptBody() async throws {
        if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }), length > bodyLimit {
            throw BodyTooLarge()
        }
        guard head.headers[canonicalForm: "Expect"].contains(where: { $0.lowercased() == "100-continue" }) else {
            return
        }
        try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
    }

    /// The next bytes of the body, or nil at its end.
    mutating func readBody() async throws -> [UInt8]? {
        while !isRead, let part = try await parts.next(isolation: #isolation) {
            switch part {
            case .head: continue
            case .body(let buffer):
                bodyBytes += buffer.readableBytes
                guard bodyBytes <= bodyLimit else { throw BodyTooLarge() }
                return Array(buffer.readableBytesView)
            case .end: isRead = true
            }
        }
        isRead = true
        return nil
    }

    /// Answers the request as a whole.
    mutating func answer(_ answer: HTTPAnswer) async throws {
        try await settle()
        try await outbound.write(contentsOf: answer.parts(keepsAlive: keepsAlive, hasBody: head.method != .HEAD))
    }

    mutating func answerTooLarge() async throws {
        keepsAlive = false
        isRead = true
        try await answer(
            .failure(
                .payloadTooLarge, code: "too_large",
                "the body is larger than limits.body_bytes, \(bodyLimit) bytes; send a shorter file"))
    }

    /// Begins an answer whose length is not known.
    mutating func begin(contentType: String) async throws {
        try await settle()
        var headers = HTTPHeaders([("Content-Type", contentType)])
        if head.version != .http1_0 {
            headers.add(name: "Transfer-Encoding", value: "chunked")
        } else {
            keepsAlive = false
        }
        try await outbound.write(.head(HTTPAnswer.head(.ok, headers, keepsAlive: keepsAlive)))
    }

    func write(_ text: String) async throws { try await outbound.write(.body(ByteBuffer(string: text))) }

    func end() async throws { try await outbound.write(.end(nil)) }

    /// What is left of the request is read, so that the next one can follow; a body that nobody wanted ends the
    /// connection.
    private mutating func settle() async throws {
        let hasBody =
            head.headers.contains(name: "Transfer-Encoding")
            || (head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0) > 0
        if hasBody && !isRead {
            keepsAlive = false
        } else {
            _ = try await readBody()
        }
    }
}
