internal import AudioClassifier
internal import AudioFrontend
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import StreamTransformer

/// What there is under which path.
struct RequestRouter: Sendable {
    let hub: StreamHub
    let report: ServiceReport
    let files: FileClassification

    /// What shows nothing but that the service is there: the page asks for a token itself.
    func isPublic(_ head: HTTPRequestHead) -> Bool {
        let path = RequestTarget(head.uri)?.path ?? ["?"]
        return path == ["healthz"] || path == ["readyz"] || PageFiles.answer(path) != nil
    }

    func respond(_ exchange: inout HTTPExchange) async throws {
        guard let target = RequestTarget(exchange.head.uri) else {
            try await exchange.answer(.failure(.badRequest, code: "target", "the address is not percent-encoded UTF-8"))
            return
        }
        let isRead = exchange.head.method == .GET || exchange.head.method == .HEAD
        switch target.path {
        case ["v1", "classify"]:
            guard exchange.head.method == .POST else {
                try await exchange.answer(.notAllowed("POST"))
                return
            }
            try await classify(&exchange, target)
        case let path where path.count == 4 && path.starts(with: ["v1", "streams"]) && path[3] == "state":
            try await StateExchange(hub: hub).respond(&exchange, id: path[2])
        case ["v1", "stream"]:
            var answer = HTTPAnswer.failure(
                .upgradeRequired, code: "upgrade", "this is a WebSocket; docs/clients.md shows how to use it")
            answer.headers.append(("Upgrade", "websocket"))
            try await exchange.answer(answer)
        default:
            let answer = await page(target)
            try await exchange.answer(isRead || answer.status == .notFound ? answer : .notAllowed("GET"))
        }
    }

    private func page(_ target: RequestTarget) async -> HTTPAnswer {
        switch target.path {
        case ["healthz"]: return .json(ServiceReport.health)
        case ["readyz"]: return .json(report.readiness())
        case ["metrics"]:
            return HTTPAnswer(
                status: .ok, contentType: PrometheusText.contentType, body: ByteBuffer(string: await report.metrics()))
        case ["v1", "models"]: return .json(report.models())
        case ["v1", "streams"]: return .json(await report.streams())
        case let path where path.count == 3 && path.starts(with: ["v1", "streams"]):
            guard let status = await hub.loop(of: path[2])?.status(of: path[2]) else { return noStream(path[2]) }
            return .json(ServiceReport.json(status))
        default: return PageFiles.answer(target.path) ?? .notFound
        }
    }

    private func noStream(_ id: String) -> HTTPAnswer {
        .failure(.notFound, code: "not_found", "there is no stream \"\(id)\"; GET /v1/streams lists them")
    }

    // MARK: Files

    private func classify(_ exchange: inout HTTPExchange, _ target: RequestTarget) async throws {
        let parameters: StreamParameters
        var session: StreamSession
        do throws(Refusal) {
            var defaults = hub.defaults
            defaults.emission = .summary
            parameters = try StreamParameters(defaults, query: target.query, known: StreamParameters.file)
            let model = try hub.model(parameters.model)
            var report = try hub.report(parameters, model)
            report.addsEvents = parameters.interest.events && parameters.interest.frames
            session = StreamSession(model: model, report: report)
        } catch {
            try await exchange.answer(HTTPAnswer(error))
            return
        }
        let log = Logger(label: "audio-classifierd")
        session.inform = { log.info("\($0)") }
        session.warn = { log.warning("\($0)") }
        session.format = parameters.lines
        session.framed = parameters.emission != .summary
        guard files.enter() else {
            hub.metrics.refused(.capacity)
            try await exchange.answer(
                HTTPAnswer(
                    Refusal(
                        reason: .capacity, message: "as many files as limits.files allows are being classified",
                        retryAfter: 2)))
            return
        }
        defer { files.leave() }
        do {
            let upload = try await receive(&exchange)
            try await send(&exchange, session, upload, Self.input(target, parameters), parameters)
        } catch is HTTPExchange.BodyTooLarge {
            try await exchange.answerTooLarge()
        } catch let malformed as MultipartReader.Malformed {
            try await exchange.answer(.failure(.badRequest, code: "multipart", malformed.message))
        } catch let error as ClassifierError where error.code == "storage" {
            try await exchange.answer(.failure(.insufficientStorage, code: error.code, error.message))
        }
    }

    /// Whoever names a format means bare samples; otherwise the file says what it is.
    private static func input(_ target: RequestTarget, _ parameters: StreamParameters) -> InputOptions {
        let names = Set(target.query.map(\.name))
        var input = InputOptions()
        input.selection = parameters.selection
        if names.contains("rate") { input.sampleRate = parameters.rate }
        if names.contains("channels") { input.channels = parameters.channels }
        guard names.contains("sample_format") else { return input }
        input.container = .raw
        input.sampleFormat = parameters.format
        return input
    }

    /// The file in the body, as it is or as a part of a form.
    private func receive(_ exchange: inout HTTPExchange) async throws -> Int32 {
        try await exchange.acceptBody()
        var upload = try UploadedFile()
        let type = exchange.head.headers.first(name: "Content-Type") ?? ""
        var form = MultipartReader(contentType: type)
        while let bytes = try await exchange.readBody() {
            try upload.append(try form?.push(bytes) ?? bytes)
        }
        if let form, !form.hasFile || !form.isComplete {
            throw MultipartReader.Malformed(
                message: form.hasFile ? "the form is cut" : "the form has no file: curl -F file=@recording.wav ...")
        }
        return upload.release()
    }

    private func send(
        _ exchange: inout HTTPExchange, _ session: StreamSession, _ descriptor: Int32, _ input: InputOptions,
        _ parameters: StreamParameters
    ) async throws {
        let name = parameters.id ?? "upload"
        let lines = files.lines(descriptor, session: session, input: input, name: name)
        var isBegun = false
        do {
            for try await group in lines where !group.isEmpty {
                if !isBegun {
                    try await exchange.begin(contentType: session.format.contentType)
                    isBegun = true
                }
                try await exchange.write(group.map { $0 + "\n" }.joined())
            }
            if !isBegun { try await exchange.begin(contentType: session.format.contentType) }
            try await exchange.end()
        } catch let error
            where error is AudioError || error is ModelError || error is ClassifierError || error is Refusal
        {
            let failure = ClassifierError(error)
            let record = Record.error(file: name, code: failure.code, message: failure.message)
            if isBegun {
                try await exchange.write(record.json + "\n")
                try await exchange.end()
            } else {
                try await exchange.answer(.json(record.json, status: .unprocessableEntity))
            }
        }
    }

    // MARK: WebSockets

    /// What a WebSocket at this path is for.
    /// - Parameter eventLoop: the connection's.
    func webSocket(
        _ head: HTTPRequestHead, client: String, eventLoop: any EventLoop
    ) async throws(Refusal) -> WebSocketTask {
        guard let target = RequestTarget(head.uri) else {
            throw StreamParameters.wrong("the address is not percent-encoded UTF-8")
        }
        if target.path == ["v1", "stream"] {
            let parameters = try StreamParameters(hub.defaults, query: target.query, known: StreamParameters.stream)
            let rate = try hub.model(parameters.model).recipe.sampleRate
            // Parameters that cannot be are refused here, where the answer can say why.
            _ = try StreamHub.decoder(parameters, name: parameters.id ?? "stream", rate: rate)
            let stream = try await hub.open(parameters, prefix: "stream", client: client, eventLoop: eventLoop)
            return .stream(stream, parameters)
        }
        guard target.path.count == 4, target.path.starts(with: ["v1", "streams"]), target.path[3] == "watch" else {
            throw Refusal(
                reason: .model,
                message: "there is no WebSocket at \(head.uri); there are /v1/stream and /v1/streams/ID/watch")
        }
        return try await watch(target)
    }

    private func watch(_ target: RequestTarget) async throws(Refusal) -> WebSocketTask {
        let id = target.path[2]
        let parameters = try StreamParameters(hub.defaults, query: target.query, known: StreamParameters.watch)
        guard let loop = hub.loop(of: id), let model = await loop.model(of: id) else {
            throw Refusal(reason: .model, message: "there is no stream \"\(id)\"; GET /v1/streams lists them")
        }
        let report = try hub.report(parameters, model)
        guard
            let watch = await loop.watch(
                id, report: report, interest: parameters.interest, limit: hub.defaults.outputs)
        else { throw Refusal(reason: .model, message: "the stream \"\(id)\" has just ended") }
        return .watch(id: id, start: watch.start, loop: loop, number: watch.number, output: watch.output)
    }
}

extension OutputFormat {
    /// Of an answer in this format.
    var contentType: String {
        switch self {
        case .jsonl: "application/jsonl; charset=utf-8"
        case .csv: "text/csv; charset=utf-8"
        case .tsv: "text/tab-separated-values; charset=utf-8"
        }
    }
}
