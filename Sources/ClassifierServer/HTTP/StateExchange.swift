internal import AudioClassifier
internal import NIOCore
internal import NIOHTTP1

/// `GET` and `PUT /v1/streams/ID/state`: the transfer of a stream's state between services.
struct StateExchange: Sendable {
    let hub: StreamHub
    let files: FileClassification

    /// Sends the state of a running stream, or the saved state.
    func get(_ exchange: inout HTTPExchange, id: String) async throws {
        guard try await checkName(id, &exchange) else { return }
        let running = await hub.loop(of: id)?.snapshot(id)
        let saved = running == nil ? await hub.states.load(id) : nil
        guard let state = running ?? saved else {
            if hub.loop(of: id) != nil {
                try await exchange.answer(
                    .failure(
                        .notFound, code: "not_found",
                        "the stream \"\(id)\" is running, but it has no state: its audio is resampled, or it "
                            + "keeps none. "
                            + "Only a stream at the model's rate has a state"))
                return
            }
            try await exchange.answer(
                .failure(
                    .notFound, code: "not_found",
                    "there is no state of a stream \"\(id)\"; GET /v1/streams lists running ones"))
            return
        }
        try await exchange.answer(
            HTTPAnswer(status: .ok, contentType: "application/octet-stream", body: ByteBuffer(bytes: state)))
    }

    /// Receives and saves a state.
    func put(_ exchange: inout HTTPExchange, id: String) async throws {
        guard try await checkName(id, &exchange) else { return }
        let limit = hub.largestState
        do {
            let upload = Upload(contentType: "")
            try await exchange.store(in: upload, by: files, limit: limit)
            // A state takes its place, and memory, when it is there, so that slow clients keep out no other one.
            guard hub.states.transfers.enter() else {
                var answer = HTTPAnswer.failure(
                    .serviceUnavailable, code: "transfers",
                    "\(hub.states.transfers.limit) states are being checked, the limit of state.transfers; try again")
                answer.headers.append(("Retry-After", "5"))
                try await exchange.answer(answer)
                return
            }
            defer { hub.states.transfers.leave() }
            let bytes = try await files.store { try upload.contents() }
            try await save(bytes, id, &exchange)
        } catch is HTTPExchange.BodyTooLarge {
            try await exchange.answerTooLarge("the body is larger than a state of these models, \(limit) bytes")
        } catch let refusal as AdmissionRefusal {
            try await exchange.answer(HTTPAnswer(refusal))
        } catch let failure as ClassifierError {
            try await exchange.answer(.failure(.insufficientStorage, code: failure.code, failure.message))
        }
    }

    /// Checks and saves a state, and answers.
    private func save(_ bytes: [UInt8], _ id: String, _ exchange: inout HTTPExchange) async throws {
        guard hub.loop(of: id) == nil else {
            try await exchange.answer(
                .failure(.conflict, code: "duplicate", "the stream \"\(id)\" is running; end it first"))
            return
        }
        var mismatch: String?
        for model in hub.offered {
            do {
                try await check(bytes, model)
                try await hub.states.put(id, bytes)
                try await exchange.answer(HTTPAnswer(status: .noContent, contentType: "text/plain", body: ByteBuffer()))
                return
            } catch let failure as ClassifierError {
                try await exchange.answer(.failure(.insufficientStorage, code: failure.code, failure.message))
                return
            } catch { mismatch = mismatch ?? StateMismatch.reason(error) }
        }
        try await exchange.answer(
            .failure(.unprocessableEntity, code: "snapshot", "the body \(mismatch ?? "is no state")"))
    }

    /// Checks a state on another thread than the loops', because that makes a pipeline and a prediction.
    @concurrent
    private func check(_ bytes: [UInt8], _ model: AudioModel) async throws {
        try StateFile.check(bytes, model: model)
    }

    /// Refuses impossible names.
    /// - Returns: whether the name is valid; otherwise the request has been answered.
    private func checkName(_ id: String, _ exchange: inout HTTPExchange) async throws -> Bool {
        guard !StreamName.isValid(id) else { return true }
        try await exchange.answer(.failure(.badRequest, code: "request", "\"\(id)\" cannot be a stream's name"))
        return false
    }
}
