internal import AudioClassifier
internal import AudioFrontend

/// Prepares WebSockets before their upgrade, so that a refusal is an HTTP answer.
struct WebSocketRequest: Sendable {
    let hub: StreamHub

    /// Begins a stream.
    func stream(_ target: RequestTarget, _ origin: WebSocketOrigin) async throws(AdmissionRefusal) -> WebSocketTask {
        let parameters = try StreamParameters(hub.defaults, query: target.query, known: QueryParameter.stream)
        // Finds impossible parameters, which the connection could not answer any more.
        try parameters.checkAudio(rate: try hub.model(parameters.model).recipe.sampleRate)
        return .stream(
            try await hub.open(parameters, prefix: "stream", client: origin.client, eventLoop: origin.eventLoop))
    }

    /// Answers a plain request for a stream's WebSocket with the reason for which the stream would be refused. Browsers
    /// hide the answer to a refused WebSocket from their pages.
    func plainAnswer(_ target: RequestTarget, client: String) -> HTTPAnswer {
        do throws(AdmissionRefusal) {
            let parameters = try StreamParameters(hub.defaults, query: target.query, known: QueryParameter.stream)
            return hub.refusal(parameters, client: client).map { HTTPAnswer($0) } ?? .upgradeRequired
        } catch {
            return HTTPAnswer(error)
        }
    }

    /// Answers a plain request for the WebSocket of a stream's watcher in the same way.
    func plainAnswer(watching id: String) async -> HTTPAnswer {
        guard let refusal = await hub.loop(of: id)?.refusal(ofWatching: id) else { return .upgradeRequired }
        return HTTPAnswer(refusal)
    }

    /// Adds a watcher to a running stream.
    func watch(_ target: RequestTarget, id: String, client: String) async throws(AdmissionRefusal) -> WebSocketTask {
        let parameters = try StreamParameters(hub.defaults, query: target.query, known: QueryParameter.watch)
        guard let loop = hub.loop(of: id), let model = await loop.model(of: id) else {
            throw AdmissionRefusal(reason: .model, message: "there is no stream \"\(id)\"; GET /v1/streams lists them")
        }
        let report = try hub.liveReport(parameters, model)
        let watched: WatchedStream?
        do throws(AdmissionRefusal) {
            watched = try await loop.watch(id, report: report, subscription: parameters.subscription)
        } catch {
            hub.metrics.refused(error.reason.rawValue, error.message, client: client)
            throw error
        }
        guard let watched else {
            throw AdmissionRefusal(reason: .model, message: "the stream \"\(id)\" has just ended")
        }
        return .watch(watched)
    }
}
