internal import NIOCore
internal import NIOHTTP1

/// Finds and runs the handlers of requests, by the table of routes.
struct RequestRouter: Sendable {
    let hub: StreamHub
    let report: ServiceReport
    let files: FileClassification

    /// Whether a request may come without a token.
    func isPublic(_ head: HTTPRequestHead) -> Bool {
        RequestTarget(head.uri).map { !Routes.table.needsToken($0.path) } ?? false
    }

    /// Answers a request.
    func respond(_ exchange: inout HTTPExchange) async throws {
        guard let target = RequestTarget(exchange.head.uri) else {
            try await exchange.answer(.failure(.badRequest, code: "target", "the address is not percent-encoded UTF-8"))
            return
        }
        switch Routes.table.route(exchange.head.method, target.path) {
        case .found(.answer(let answer), let id): try await exchange.answer(await answer(self, id))
        case .found(.exchange(let handle), let id): try await handle(self, &exchange, target, id)
        case .found(.webSocket, _), .upgradeRequired:
            try await exchange.answer(await plainAnswer(target, client: exchange.client))
        case .notAllowed(let allow): try await exchange.answer(.notAllowed(allow))
        case .notFound: try await exchange.answer(.notFound(Routes.table.fixedPaths))
        }
    }

    /// Answers a plain request for the path of a WebSocket.
    private func plainAnswer(_ target: RequestTarget, client: String) async -> HTTPAnswer {
        let request = WebSocketRequest(hub: hub)
        if target.path == ["v1", "stream"] { return request.plainAnswer(target, client: client) }
        return await request.plainAnswer(watching: Routes.table.webSocket(target.path)?.id ?? "")
    }

    /// Prepares a WebSocket.
    func webSocket(_ head: HTTPRequestHead, _ origin: WebSocketOrigin) async throws(AdmissionRefusal) -> WebSocketTask {
        guard let target = RequestTarget(head.uri) else {
            throw StreamParameters.wrong("the address is not percent-encoded UTF-8")
        }
        guard case (.webSocket(let prepare), let id)? = Routes.table.webSocket(target.path) else {
            let paths = Routes.table.webSocketPaths.joined(separator: " and ")
            throw AdmissionRefusal(
                reason: .model, message: "there is no WebSocket at \(head.uri); there are \(paths)")
        }
        return try await prepare(self, target, origin, id)
    }
}
