internal import AudioClassifier
internal import NIOCore
internal import NIOHTTP1
internal import StrictCoding

extension HTTPServerResponsePart {
    /// A part of a response whose body is a byte buffer.
    init(_ part: HTTPPart<HTTPResponseHead, ByteBuffer>) {
        self =
            switch part {
            case .head(let head): .head(head)
            case .body(let buffer): .body(.byteBuffer(buffer))
            case .end(let trailers): .end(trailers)
            }
    }
}

/// A complete answer to a request.
struct HTTPAnswer: Sendable {
    var status: HTTPResponseStatus
    var contentType: String
    var body: ByteBuffer
    var headers: [(String, String)] = []

    static func json(_ text: String, status: HTTPResponseStatus = .ok) -> HTTPAnswer {
        HTTPAnswer(status: status, contentType: "application/json", body: ByteBuffer(string: text + "\n"))
    }

    /// An error as a JSON object.
    static func failure(_ status: HTTPResponseStatus, code: String, _ message: String) -> HTTPAnswer {
        var line = JSONWriter(type: "error")
        line.add("code", code)
        line.add("message", message)
        return json(line.text, status: status)
    }

    init(status: HTTPResponseStatus, contentType: String, body: ByteBuffer, headers: [(String, String)] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers = headers
    }

    init(_ file: PageFiles.File) {
        self.init(
            status: .ok, contentType: file.contentType, body: ByteBuffer(bytes: file.bytes()),
            headers: PageFiles.headers)
    }

    init(_ refusal: AdmissionRefusal) {
        let status: HTTPResponseStatus =
            switch refusal.reason {
            case .capacity, .streams, .watchers, .stopping: .serviceUnavailable
            case .client: .tooManyRequests
            case .duplicate: .conflict
            case .request: .badRequest
            case .model: .notFound
            }
        self = .failure(status, code: refusal.reason.rawValue, refusal.message)
        if let seconds = refusal.retryAfter { headers.append(("Retry-After", "\(seconds)")) }
    }

    /// - Returns: nil for an allowed request.
    init?(_ verdict: AccessControl.Verdict) {
        switch verdict {
        case .allowed: return nil
        case .unauthorized:
            self = .failure(
                .unauthorized, code: "token", "a token is needed: send the header \"Authorization: Bearer TOKEN\"")
            headers.append(("WWW-Authenticate", "Bearer realm=\"audio-classifierd\""))
        case .forbidden(let reason): self = .failure(.forbidden, code: "origin", reason)
        }
    }

    /// The answer to an unknown path.
    static func notFound(_ paths: [String]) -> HTTPAnswer {
        failure(.notFound, code: "not_found", "there is nothing here; see \(paths.joined(separator: ", "))")
    }

    /// The answer to a method that the path does not have.
    static func notAllowed(_ methods: String) -> HTTPAnswer {
        var answer = failure(.methodNotAllowed, code: "method", "use \(methods)")
        answer.headers.append(("Allow", methods))
        return answer
    }

    /// The answer to a request for a WebSocket's path that does not open one (RFC 6455, section 4.4).
    static var upgradeRequired: HTTPAnswer {
        var answer = failure(
            .upgradeRequired, code: "upgrade",
            "this is a WebSocket, which a GET with Connection: Upgrade, Upgrade: websocket, Sec-WebSocket-Version: "
                + "\(WebSocketHandshake.version) and a Sec-WebSocket-Key opens; docs/clients.md shows how to use it")
        answer.headers.append(("Upgrade", "websocket"))
        answer.headers.append(("Sec-WebSocket-Version", WebSocketHandshake.version))
        return answer
    }

    /// Returns the parts of the answer on a connection.
    /// - Parameter hasBody: false for the answer to a HEAD request.
    func parts(keepsAlive: Bool, hasBody: Bool = true) -> [HTTPPart<HTTPResponseHead, ByteBuffer>] {
        let content = hasBody && body.readableBytes > 0 ? [HTTPPart<HTTPResponseHead, ByteBuffer>.body(body)] : []
        return [.head(head(keepsAlive: keepsAlive))] + content + [.end(nil)]
    }

    private func head(keepsAlive: Bool) -> HTTPResponseHead {
        var fields = HTTPHeaders(headers)
        fields.add(name: "Content-Type", value: contentType)
        fields.add(name: "Content-Length", value: "\(body.readableBytes)")
        return Self.head(status, fields, keepsAlive: keepsAlive)
    }

    /// Returns the head of an answer, with headers against content sniffing, frames of other sites, and caching.
    static func head(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, keepsAlive: Bool) -> HTTPResponseHead {
        var headers = headers
        headers.add(name: "Server", value: "audio-classifierd/\(Version.text)")
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        headers.add(name: "X-Frame-Options", value: "DENY")
        headers.add(name: "Referrer-Policy", value: "no-referrer")
        if !headers.contains(name: "Cache-Control") { headers.add(name: "Cache-Control", value: "no-store") }
        headers.add(name: "Connection", value: keepsAlive ? "keep-alive" : "close")
        return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }
}
