internal import NIOCore
internal import NIOHTTP1

/// Handlers of requests.
enum RequestHandler: Sendable {
    /// Answers without the body and the query of a request.
    case answer(@Sendable (RequestRouter, _ id: String) async -> HTTPAnswer)
    /// Reads the request and answers it.
    case exchange(@Sendable (RequestRouter, inout HTTPExchange, RequestTarget, _ id: String) async throws -> Void)
    /// Prepares a WebSocket before the upgrade.
    case webSocket(
        @Sendable (RequestRouter, RequestTarget, WebSocketOrigin, _ id: String) async throws(AdmissionRefusal)
            -> WebSocketTask)
}

/// The connection that asks for a WebSocket.
struct WebSocketOrigin: Sendable {
    let client: String
    let eventLoop: any EventLoop
}

/// The routes of `listen.http`: one row for each method of a path.
package enum Routes {
    /// The rows of a Markdown table of all documented routes.
    package static var documentation: String { table.documentation }

    static let table = RouteTable<RequestHandler>(
        [
            Route(
                .GET, "/", needsToken: false, "the live page",
                handler: .answer { _, _ in HTTPAnswer(PageFiles.index) }),
            Route(
                .GET, "/healthz", needsToken: false, "whether the service is alive",
                handler: .answer { _, _ in .json(ServiceReport.health) }),
            Route(
                .GET, "/readyz", needsToken: false,
                "whether a new stream would be taken (503 if not), number of streams, load",
                handler: .answer { router, _ in router.report.readiness() }),
            Route(
                .GET, "/metrics", "metrics for Prometheus",
                handler: .answer { router, _ in
                    HTTPAnswer(
                        status: .ok, contentType: PrometheusText.contentType,
                        body: ByteBuffer(string: await router.report.metrics()))
                }),
            Route(
                .GET, "/v1/models", "the models that a client may choose",
                handler: .answer { router, _ in .json(router.report.models()) }),
            Route(
                .GET, "/v1/streams", "all running streams",
                handler: .answer { router, _ in .json(await router.report.streams()) }),
            Route(
                .GET, "/v1/streams/ID", "a running stream",
                handler: .answer { router, id in await router.report.stream(id) }),
            Route(
                .GET, "/v1/streams/ID/state", "the state of a stream",
                handler: .exchange { router, exchange, _, id in
                    try await StateExchange(hub: router.hub, files: router.files).get(&exchange, id: id)
                }),
            Route(
                .PUT, "/v1/streams/ID/state", "a state from another service, to resume from",
                handler: .exchange { router, exchange, _, id in
                    try await StateExchange(hub: router.hub, files: router.files).put(&exchange, id: id)
                }),
            Route(
                .POST, "/v1/classify", "an audio file, as the body or alone in a form; JSON lines or a table come back",
                handler: .exchange { router, exchange, target, _ in
                    try await ClassifyRequest(hub: router.hub, files: router.files).respond(&exchange, target)
                }),
            Route(
                nil, "/v1/stream", "a new stream: samples in, records out",
                handler: .webSocket { router, target, origin, _ throws(AdmissionRefusal) in
                    try await WebSocketRequest(hub: router.hub).stream(target, origin)
                }),
            Route(
                nil, "/v1/streams/ID/watch", "records of a running stream",
                handler: .webSocket { router, target, origin, id throws(AdmissionRefusal) in
                    try await WebSocketRequest(hub: router.hub).watch(target, id: id, client: origin.client)
                }),
        ]
            + PageFiles.all.map { file in
                Route(.GET, "/" + file.name, needsToken: false, handler: .answer { _, _ in HTTPAnswer(file) })
            })
}
