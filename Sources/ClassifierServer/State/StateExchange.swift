internal import AudioClassifier
internal import NIOCore
internal import NIOHTTP1

/// `GET` and `PUT /v1/streams/ID/state`: a stream's state on its way to another machine.
struct StateExchange: Sendable {
    let hub: StreamHub

    func respond(_ exchange: inout HTTPExchange, id: String) async throws {
        guard StreamParameters.isName(id) else {
            try await exchange.answer(.failure(.badRequest, code: "request", "\"\(id)\" cannot be a stream's name"))
            return
        }
        switch exchange.head.method {
        case .GET, .HEAD: try await exchange.answer(await state(of: id))
        case .PUT: try await put(&exchange, id)
        default: try await exchange.answer(.notAllowed("GET, PUT"))
        }
    }

    private func state(of id: String) async -> HTTPAnswer {
        let running = await hub.loop(of: id)?.snapshot(id)
        let saved = running == nil ? await hub.keeper.load(id) : nil
        guard let state = running ?? saved else {
            return .failure(
                .notFound, code: "not_found",
                "there is no state of a stream \"\(id)\"; GET /v1/streams lists running ones")
        }
        return HTTPAnswer(status: .ok, contentType: "application/octet-stream", body: ByteBuffer(bytes: state))
    }

    private func put(_ exchange: inout HTTPExchange, _ id: String) async throws {
        var bytes: [UInt8] = []
        do {
            try await exchange.acceptBody()
            while let part = try await exchange.readBody() { bytes += part }
        } catch is HTTPExchange.BodyTooLarge {
            try await exchange.answerTooLarge()
            return
        }
        guard hub.loop(of: id) == nil else {
            try await exchange.answer(
                .failure(.conflict, code: "duplicate", "the stream \"\(id)\" is running; end it first"))
            return
        }
        var reasons: [String] = []
        for model in hub.offered {
            do {
                _ = try StateFile.open(bytes, model: model)
                try await hub.keeper.put(id, bytes)
                try await exchange.answer(HTTPAnswer(status: .noContent, contentType: "text/plain", body: ByteBuffer()))
                return
            } catch let failure as ClassifierError {
                try await exchange.answer(.failure(.insufficientStorage, code: failure.code, failure.message))
                return
            } catch { reasons.append(StateFile.Refusal.reason(error)) }
        }
        try await exchange.answer(
            .failure(.unprocessableEntity, code: "snapshot", "what was sent \(reasons.first ?? "is no state")"))
    }
}
