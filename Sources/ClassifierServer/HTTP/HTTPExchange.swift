internal import AudioClassifier
internal import NIOCore
internal import NIOHTTP1

/// A request and its answer on a connection that may carry several.
struct HTTPExchange {
    struct BodyTooLarge: Error {}

    let head: HTTPRequestHead
    /// The address of the client.
    let client: String
    /// The rest of the connection's input.
    private(set) var parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
    private var bodyLimit: Int
    private var bodyBytes = 0
    private var isRead = false
    /// Whether the connection stays open after the answer.
    private(set) var keepsAlive: Bool

    init(
        head: HTTPRequestHead, client: String, parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>, bodyLimit: Int
    ) {
        self.head = head
        self.client = client
        self.parts = parts
        self.outbound = outbound
        self.bodyLimit = bodyLimit
        // The parser takes what follows a request for an upgrade, or a tunnel, for another protocol.
        let isUpgrade = head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
        keepsAlive = head.isKeepAlive && !isUpgrade && head.method != .CONNECT
    }

    /// Accepts a body, with `100 Continue` if the client expects it.
    /// - Parameter limit: largest number of bytes, where that is less than the service's limit.
    /// - Throws: ``BodyTooLarge`` if its announced length is above the limit.
    mutating func acceptBody(limit: Int = .max) async throws {
        bodyLimit = min(bodyLimit, limit)
        // The parser accepts numbers that are larger than any `Int`.
        if let length = head.headers.first(name: "Content-Length"), Int(length) ?? .max > bodyLimit {
            throw BodyTooLarge()
        }
        guard head.headers[canonicalForm: "Expect"].contains(where: { $0.lowercased() == "100-continue" }) else {
            return
        }
        try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
    }

    /// Returns the next bytes of the body; nil at its end.
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

    /// Receives the body into a file.
    /// - Parameter limit: as that of ``acceptBody(limit:)``.
    /// - Throws: ``BodyTooLarge``, or ``AdmissionRefusal`` if the service stops meanwhile.
    mutating func store(in upload: Upload, by files: FileClassification, limit: Int = .max) async throws {
        try await acceptBody(limit: limit)
        while let bytes = try await readBody() {
            guard !files.isStopping else { throw AdmissionRefusal.stopping }
            try await files.store { try upload.append(bytes) }
        }
    }

    /// Sends a complete answer.
    mutating func answer(_ answer: HTTPAnswer) async throws {
        try await settle()
        try await outbound.write(contentsOf: answer.parts(keepsAlive: keepsAlive, hasBody: head.method != .HEAD))
    }

    /// - Parameter message: words in place of those about a file.
    mutating func answerTooLarge(_ message: String? = nil) async throws {
        keepsAlive = false
        isRead = true
        try await answer(
            .failure(
                .payloadTooLarge, code: "too_large",
                message ?? "the body is larger than limits.body_bytes, \(bodyLimit) bytes; send a shorter file"))
    }

    /// Begins an answer of unknown length.
    mutating func begin(contentType: String) async throws {
        try await settle()
        var headers = HTTPHeaders([("Content-Type", contentType)])
        // HTTP/1.0 has no chunks: the end of the connection ends the body.
        let isOld = head.version == .http1_0
        if isOld { keepsAlive = false } else { headers.add(name: "Transfer-Encoding", value: "chunked") }
        var answer = HTTPAnswer.head(.ok, headers, keepsAlive: keepsAlive)
        if isOld { answer.version = .http1_0 }
        try await outbound.write(.head(answer))
    }

    func write(_ text: String) async throws { try await outbound.write(.body(ByteBuffer(string: text))) }

    func end() async throws { try await outbound.write(.end(nil)) }

    /// Reads the end of the request, so that the next one can follow. A body that no handler reads ends the connection.
    private mutating func settle() async throws {
        let hasBody =
            head.headers.contains(name: "Transfer-Encoding")
            || head.headers.first(name: "Content-Length").map { Int($0) != 0 } ?? false
        if hasBody && !isRead {
            keepsAlive = false
        } else {
            _ = try await readBody()
        }
    }
}
