internal import AudioClassifier
internal import NIOCore
internal import NIOHTTP1
internal import StrictCoding

/// A whole answer to a request.
struct HTTPAnswer: Sendable {
    var status: HTTPResponseStatus
    var contentType: String
    var body: ByteBuffer
    var headers: [(String, String)] = []

    static func json(_ text: String, status: HTTPResponseStatus = .ok) -> HTTPAnswer {
        HTTPAnswer(status: status, contentType: "application/json", body: ByteBuffer(string: text + "\n"))
    }

    /// A JSON object that says what is wrong.
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

    init(_ refusal: Refusal) {
        let status: HTTPResponseStatus =
            switch refusal.reason {
            case .capacity, .streams, .stopping: .serviceUnavailable
            case .client: .tooManyRequests
            case .duplicate: .conflict
            case .request: .badRequest
            case .model: .notFound
            }
        self = .failure(status, code: refusal.reason.rawValue, refusal.message)
        if let seconds = refusal.retryAfter { headers.append(("Retry-After", "\(seconds)")) }
    }

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

    static let notFound = failure(
        .notFound, code: "not_found",
        "there is nothing here; see /, /healthz, /readyz, /metrics, /v1/models, /v1/streams, /v1/classify, /v1/stream")

    static func notAllowed(_ method: String) -> HTTPAnswer {
        var answer = failure(.methodNotAllowed, code: "method", "use \(method)")
        answer.headers.append(("Allow", method))
        return answer
    }

    /// - Parameter hasBody: a HEAD request is answered without.
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

    /// Every answer says that it is what its type says, and that no other site may show it.
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
