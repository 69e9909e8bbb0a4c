internal import AudioClassifier
internal import AudioFrontend
internal import Logging
internal import NIOHTTP1
internal import StreamTransformer

/// `POST /v1/classify`: classifies an uploaded file and sends the lines as they are made.
struct ClassifyRequest: Sendable {
    let hub: StreamHub
    let files: FileClassification

    func respond(_ exchange: inout HTTPExchange, _ target: RequestTarget) async throws {
        do {
            let outcome = try await classify(&exchange, target)
            hub.metrics.uploaded(outcome)
        } catch {
            // The connection has ended.
            hub.metrics.uploaded(.abandoned)
            throw error
        }
    }

    private func classify(_ exchange: inout HTTPExchange, _ target: RequestTarget) async throws -> UploadOutcome {
        let parameters: StreamParameters
        var session: StreamSession
        do throws(AdmissionRefusal) {
            var defaults = hub.defaults
            defaults.emission = .summary
            parameters = try StreamParameters(defaults, query: target.query, known: QueryParameter.file)
            let model = try hub.model(parameters.model)
            var report = try hub.report(parameters, model)
            report.addsEvents = parameters.subscription.events && parameters.subscription.frames
            session = StreamSession(model: model, report: report)
            if parameters.lines.isOfLabels, !target.query.contains(where: { $0.name == "emit" }) {
                session.report.mode = .events
            }
            do { try parameters.lines.check(session.report.mode) } catch {
                throw AdmissionRefusal(reason: .request, message: error.message)
            }
        } catch {
            try await exchange.answer(HTTPAnswer(error))
            return .refused
        }
        let log = Logger(label: "audio-classifierd")
        session.inform = { log.info("\($0)") }
        session.warn = { log.warning("\($0)") }
        session.format = parameters.lines
        session.includesErrors = true
        session.includesStartAndEnd = session.report.mode != .summary
        guard !files.isStopping else { return try await refuse(&exchange, .stopping) }
        guard files.hasRoom else { return try await refuse(&exchange) }
        do {
            let upload = try await receive(&exchange)
            // A file takes its slot when it is there, so that slow clients keep nobody else from classifying.
            guard files.enter() else { return try await refuse(&exchange) }
            defer { files.leave() }
            let descriptor = try await files.store { try upload.release() }
            return try await send(&exchange, session, descriptor, Self.input(target, parameters), parameters)
        } catch let refusal as AdmissionRefusal {
            return try await refuse(&exchange, refusal)
        } catch is HTTPExchange.BodyTooLarge {
            try await exchange.answerTooLarge()
            return .refused
        } catch let malformed as MultipartReader.Malformed {
            try await exchange.answer(.failure(.badRequest, code: "multipart", malformed.message))
            return .refused
        } catch let error as ClassifierError where error.code == "storage" {
            try await exchange.answer(.failure(.insufficientStorage, code: error.code, error.message))
            return .storage
        }
    }

    private func refuse(_ exchange: inout HTTPExchange) async throws -> UploadOutcome {
        let refusal = AdmissionRefusal(
            reason: .capacity, message: "as many files as limits.files allows are being classified", retryAfter: 2)
        return try await refuse(&exchange, refusal)
    }

    private func refuse(_ exchange: inout HTTPExchange, _ refusal: AdmissionRefusal) async throws -> UploadOutcome {
        hub.metrics.refused(refusal.reason.rawValue, refusal.message, client: exchange.client)
        try await exchange.answer(HTTPAnswer(refusal))
        return .refused
    }

    /// Returns the format of the input: the file's own or, of a file without one, that of the request.
    private static func input(_ target: RequestTarget, _ parameters: StreamParameters) -> InputOptions {
        let names = Set(target.query.map(\.name))
        var input = InputOptions()
        input.acceptsRawPCM = false
        input.advice = InputAdvice(
            rawPCM: "sample_format and rate in the query, as in /v1/classify?sample_format=s16le&rate=16000",
            marks: ("", "="), classifyingCommand: "curl --data-binary @- http://HOST/v1/classify")
        input.selection = parameters.selection
        if names.contains("rate") { input.sampleRate = parameters.rate }
        if names.contains("channels") { input.channels = parameters.channels }
        if names.contains("sample_format") { input.sampleFormat = parameters.format }
        return input
    }

    /// Receives the file, which is the body or a part of a form.
    private func receive(_ exchange: inout HTTPExchange) async throws -> Upload {
        let upload = Upload(contentType: exchange.head.headers.first(name: "Content-Type") ?? "")
        try await exchange.store(in: upload, by: files)
        return upload
    }

    /// Sends the lines of a file.
    private func send(
        _ exchange: inout HTTPExchange, _ session: StreamSession, _ descriptor: Int32, _ input: InputOptions,
        _ parameters: StreamParameters
    ) async throws -> UploadOutcome {
        let name = parameters.id ?? "upload"
        let lines = files.lines(descriptor, session: session, input: input, name: name)
        var isBegun = false
        // A table of summaries begins with its first row, so that a file without a result is refused as in JSON.
        var header: String?
        do {
            for try await group in lines where !group.isEmpty {
                let text = group.map { $0 + "\n" }.joined()
                if !isBegun {
                    if header == nil, session.report.mode == .summary, group == session.header {
                        header = text
                        continue
                    }
                    try await exchange.begin(contentType: session.format.contentType)
                    isBegun = true
                }
                try await exchange.write((header ?? "") + text)
                header = nil
            }
            // The lines end, too, when the client has gone.
            try Task.checkCancellation()
            if !isBegun { try await exchange.begin(contentType: session.format.contentType) }
            if let header { try await exchange.write(header) }
            try await exchange.end()
            return .classified
        } catch let error
            where error is AudioError || error is ModelError || error is ClassifierError || error is AdmissionRefusal
        {
            let refusal = error as? AdmissionRefusal
            if let refusal, !isBegun { throw refusal }
            let failure =
                refusal.map { ClassifierError(.unavailable, code: $0.reason.rawValue, $0.message) }
                ?? ClassifierError(error)
            let record = Record.error(file: name, code: failure.code, message: failure.message)
            if isBegun {
                var writer = LineWriter(session.layout, file: name, sampleRate: session.model.sampleRate)
                try await exchange.write(writer.lines(record).map { $0 + "\n" }.joined())
                try await exchange.end()
            } else {
                try await exchange.answer(.json(record.json, status: .unprocessableEntity))
            }
            return refusal == nil ? .failed : .refused
        }
    }
}

extension OutputFormat {
    /// The content type of lines in this format.
    var contentType: String {
        switch self {
        case .jsonl: "application/jsonl; charset=utf-8"
        case .csv: "text/csv; charset=utf-8"
        case .kaleidoscope: "text/csv; charset=utf-8"
        case .tsv, .raven, .elan: "text/tab-separated-values; charset=utf-8"
        case .vtt: "text/vtt; charset=utf-8"
        case .srt: "application/x-subrip; charset=utf-8"
        case .audacity, .rttm: "text/plain; charset=utf-8"
        }
    }
}
