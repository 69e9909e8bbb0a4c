internal import AudioClassifier
internal import AudioFrontend
internal import ClassifierServer
internal import StreamTransformer
internal import StrictCoding
internal import Synchronization

/// The answers to the requests of one client.
///
/// One thread reads requests. Recordings are worked on by a fixed number of threads, several at once; each stream has a
/// thread of its own, which waits for its bytes. A reader that is ahead of the work waits, so that memory is bounded.
package final class RequestService: Sendable {
    /// An error of a recording, which a client notes for it; other errors are of the request.
    private struct RecordingFailure: Error {
        let error: ClassifierError
    }

    private let defaults: RequestOptions
    private let models = ModelCache()
    private let output = RequestOutput()
    private let workers: WorkerThreads
    /// Names of requests without an end.
    private let active = Mutex<Set<[UInt8]>>([])

    /// - Parameter threads: recordings that are worked on at the same time.
    package init(_ defaults: RequestOptions, threads: Int) {
        self.defaults = defaults
        workers = WorkerThreads(threads, places: 2 * threads)
    }

    /// Answers requests to the end of the input, and completes what is under way.
    /// - Throws: an error of the pipes.
    package func run(_ reader: consuming RequestReader) throws {
        var reader = reader
        let streams = RequestStreams(output)
        try workers.start()
        let result = Result<Void, any Error> {
            while !StopSignal.isRaised {
                do {
                    guard let line = try reader.line() else { break }
                    if !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) {
                        try receive(Request(line), &reader, streams)
                    }
                } catch let fault as RequestFault {
                    _ = try reader.payload(fault.payload) { _ in }
                    try output.fail(fault.error, request: fault.request)
                }
            }
        }
        streams.finish()
        workers.finish()
        if let failure = output.failure { throw failure }
        try result.get()
    }

    private func receive(_ request: Request, _ reader: inout RequestReader, _ streams: RequestStreams) throws {
        switch request.kind {
        case .push:
            guard try reader.payload(request.payload ?? 0, { streams.push($0, to: request.name) }) else {
                // The end of the input ends the stream, with an answer of its own.
                throw Self.cut(request, name: nil)
            }
            guard streams.isKnown(request.name) else { throw Self.unknownStream(request) }
        case .close:
            guard streams.close(request.name) else { throw Self.unknownStream(request) }
        case .open:
            try begin(request, payload: 0)
            do {
                let session = try streamSession(request)
                try streams.open(request.name, session) { [self] in end(request.name) }
            } catch {
                end(request.name)
                throw RequestFault(request: request.name, error: ClassifierError(error))
            }
        case .classify, .features, .find, .describe:
            try begin(request, payload: request.payload ?? 0)
            do {
                let bytes = try receiveBytes(request, &reader)
                workers.add { [self] in work(request, bytes) }
            } catch {
                end(request.name)
                throw error
            }
        }
    }

    /// Notes the name of a request.
    private func begin(_ request: Request, payload: Int) throws(RequestFault) {
        guard active.withLock({ $0.insert(Array(request.name.utf8)).inserted }) else {
            // An error with this name would end the other request.
            let error = ClassifierError(
                .usage, code: "request", "request \"\(request.name)\" has not ended yet; give each one another name")
            throw RequestFault(request: nil, error: error, payload: payload)
        }
    }

    private func end(_ name: String) { active.withLock { _ = $0.remove(Array(name.utf8)) } }

    /// Stores the bytes of a recording.
    private func receiveBytes(_ request: Request, _ reader: inout RequestReader) throws -> UnnamedFile? {
        guard let count = request.payload else { return nil }
        var received = 0
        do {
            var file = try UploadedFile()
            let isWhole = try reader.payload(count) { bytes in
                received += bytes.count
                try file.append(bytes)
            }
            guard isWhole else { throw Self.cut(request, name: request.name) }
            return UnnamedFile(descriptor: file.release())
        } catch let error as ClassifierError {
            throw RequestFault(request: request.name, error: error, payload: count - received)
        }
    }

    /// Answers a request, and ends it.
    private func work(_ request: Request, _ bytes: UnnamedFile?) {
        do {
            var end = JSONWriter(type: "done")
            switch request.kind {
            case .classify: try classify(request, bytes, &end)
            case .features: try extract(request, bytes, &end)
            case .find: try find(request, &end)
            default: try describe(request)
            }
            self.end(request.name)
            try output.write([end], request: request.name)
        } catch {
            self.end(request.name)
            fail(request, error)
        }
    }

    private func fail(_ request: Request, _ error: any Error) {
        // The error of a broken output is kept by it and ends the program.
        guard output.failure == nil else { return }
        guard let failure = error as? RecordingFailure else {
            try? output.fail(ClassifierError(error), request: request.name)
            return
        }
        let record = Record.error(
            file: Self.recordingName(request), code: failure.error.code, message: failure.error.message)
        try? output.write([record.object], request: request.name)
    }

    // MARK: The kinds of requests

    private func classify(_ request: Request, _ bytes: UnnamedFile?, _ end: inout JSONWriter) throws {
        var options = defaults
        try options.apply(request.settings, RequestMember.classify)
        var session = try options.session(models.model(options.model, options.precision))
        session.includesStartAndEnd = options.mode != .summary
        var layout = session.layout
        layout.includesFile = options.streamName != nil
        layout.includesTime = options.startTimeFrom != nil
        let name = Self.recordingName(request)
        let outcome: StreamSession.End
        do {
            var audio = try open(request, bytes, session.inputOptions, rate: session.model.sampleRate)
            let startTime = request.file.flatMap {
                options.startTimeFrom?.startTime(of: $0, duration: audio.seconds)
            }
            outcome = try session.runRecords(
                &audio, file: name, stream: options.streamName ?? name,
                report: { records in
                    try output.write(
                        records.map { layout.object($0, file: name, startTime: startTime) }, request: request.name)
                })
        } catch {
            throw RecordingFailure(error: ClassifierError(error))
        }
        guard outcome.isComplete else { throw Self.stopped }
        end.add("seconds", outcome.seconds, decimals: 6)
        if let missing = outcome.missingAudio { end.add("cut", missing) }
    }

    private func extract(_ request: Request, _ bytes: UnnamedFile?, _ end: inout JSONWriter) throws {
        var options = defaults
        try options.apply(request.settings, RequestMember.features)
        let recipe =
            try options.recipe.map { try FrontendChoice.recipe(model: nil, named: $0, file: nil) }
            ?? models.model(options.model, options.precision).recipe
        let extraction = FeatureExtraction(
            recipe: recipe, samplesOnly: options.stage == .samples, options: options.input)
        var audio = try open(request, bytes, options.input, rate: recipe.sampleRate)
        let columns = options.stage == .samples ? 1 : recipe.bands
        var sender = FeatureSender(columns: columns, request: request.name, output: output)
        try extraction.run(&audio) { try sender.add($0) }
        guard !StopSignal.isRaised else { throw Self.stopped }
        try sender.flush()
        end.add("rows", sender.rows)
        end.add("columns", columns)
        end.add("rate", recipe.sampleRate)
        end.add("hop", options.stage == .samples ? 1 : recipe.hop)
    }

    private func find(_ request: Request, _ end: inout JSONWriter) throws {
        var options = defaults
        try options.apply(request.settings, RequestMember.find)
        var search = FileSearch(followsLinks: options.followsLinks, includesHidden: options.includesHidden)
        guard let file = request.file, file.exists else {
            throw ClassifierError(
                .noInput, code: "not_found", "\(Self.recordingName(request)): there is no such file or folder")
        }
        search.add(file)
        var objects = search.failures.map {
            Record.skipped(file: Self.recordingName(request), code: $0.code, message: $0.message).object
        }
        for item in ArchivePlan(search.found).items {
            switch item.work {
            case .skip(let code, let message):
                objects.append(Record.skipped(file: item.name.description, code: code, message: message).object)
            case .classify:
                var object = JSONWriter(type: "file")
                object.add("path", item.name.description)
                if !item.name.isText { object.add("path_hex", Self.hex(item.name.bytes)) }
                object.add("size", item.size)
                objects.append(object)
            }
        }
        try output.write(objects, request: request.name)
        end.add("hidden", search.hiddenCount)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func describe(_ request: Request) throws {
        var options = defaults
        try options.apply(request.settings, RequestMember.describe)
        let model = try models.model(options.model, options.precision)
        let configuration = model.network.configuration
        var object = JSONWriter(type: "model")
        object.add("name", configuration.name)
        object.add("sha256", configuration.weightsFile.sha256)
        object.add("folder", model.network.directory)
        object.add("licence", configuration.licence)
        object.add("description", configuration.description)
        object.add("rate", model.sampleRate)
        object.add("hop", model.predictionPeriod)
        object.add("bands", model.recipe.bands)
        object.add("labels", configuration.labels)
        object.add("program", Version.text)
        try output.write([object], request: request.name)
    }

    private func streamSession(_ request: Request) throws -> RequestStream.Session {
        var options = defaults
        options.mode = .frames
        try options.apply(request.settings, RequestMember.open)
        let session = try options.session(models.model(options.model, options.precision))
        return RequestStream.Session(session: session, stream: options.streamName ?? request.name)
    }

    private func open(
        _ request: Request, _ bytes: UnnamedFile?, _ options: InputOptions, rate: Int
    ) throws -> AudioInput {
        if let bytes {
            // The bytes are a recording, which has a format of its own, as a file that is opened by its name.
            var options = options
            options.acceptsRawPCM = false
            return try AudioInput(
                descriptor: bytes.descriptor, name: Self.recordingName(request), rate: rate, options: options)
        }
        return try AudioInput(request.file ?? "", rate: rate, options: options)
    }

    private static func recordingName(_ request: Request) -> String {
        request.recording ?? request.file?.description ?? request.name
    }

    private static func unknownStream(_ request: Request) -> RequestFault {
        // An error with the name of a request that is no stream would end it.
        RequestFault(
            request: nil,
            error: ClassifierError(
                .usage, code: "request", "\(request.kind.rawValue): there is no open stream \"\(request.name)\""))
    }

    private static func cut(_ request: Request, name: String?) -> RequestFault {
        RequestFault(
            request: name,
            error: ClassifierError(
                .data, code: "request",
                "standard input ended before the \(request.payload ?? 0) bytes of the request had come"))
    }

    private static var stopped: ClassifierError {
        ClassifierError(.unavailable, code: "stopped", "the program was asked to stop before the end of this request")
    }
}
