internal import AudioClassifier
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import StrictCoding

/// Posts every event as JSON to an address, with repetitions until the server accepts it or refuses it for good. While
/// an event waits for another try, those of other streams go on.
struct WebHook: EventOutput {
    /// An answer with another status than success.
    private struct Refused: Error {
        let status: HTTPResponseStatus
        /// The address of a redirect.
        let location: String?

        /// Whether another try has the same answer: any status but those of a server or a limit that may recover.
        var isFinal: Bool { status.code < 500 && !isBusy }
        /// Whether other events would be refused, too, because there are too many.
        var isBusy: Bool { [408, 425, 429, 503].contains(status.code) }

        var reason: String {
            let answer = "it answers \(status.code) \(status.reasonPhrase)"
            guard (300..<400).contains(status.code) else { return answer }
            return "\(answer), and events do not follow a redirect; set events.webhook.url to "
                + (location ?? "the new address")
        }
    }

    let name = "webhook"
    private let settings: ServeConfiguration.Events.WebHook
    private let metrics: ServerMetrics
    private let log: Logger
    private let tls: ClientTLS?
    private let queue: NIOLockedValueBox<RetryQueue>
    /// Has an element after each new event, and at the end of a wait.
    private let wakes = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Time for a connection, and for an answer.
    private static let patience = TimeAmount.seconds(10)

    /// - Parameter store: largest number of events that wait.
    init(
        _ settings: ServeConfiguration.Events.WebHook, store: Int, metrics: ServerMetrics, log: Logger
    ) throws(ClassifierError) {
        self.settings = settings
        queue = NIOLockedValueBox(RetryQueue(limit: store))
        self.metrics = metrics
        self.log = log
        tls = settings.isSecure ? try ClientTLS(host: settings.host, authorities: settings.authorities) : nil
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        let failures = await withTaskGroup(of: Void.self, returning: Failures.self) { tasks in
            tasks.addTask {
                var overflow = OverflowReport("events.store")
                for await message in events {
                    guard case .event(let event) = message else { continue }
                    if let lost = queue.withLockedValue({ $0.add(event) }) {
                        metrics.lostEvent(name)
                        let text = overflow.add(
                            of: lost.event.stream, waiting: lost.waiting, at: MonotonicClock.now())
                        if let text { log.warning("\(settings.address): \(text)") }
                    }
                    wakes.continuation.yield()
                }
                if let text = overflow.finish() { log.warning("\(settings.address): \(text)") }
                wakes.continuation.finish()
            }
            let failures = await send()
            tasks.cancelAll()
            return failures
        }
        let rest = queue.withLockedValue { $0.removeAll().count }
        for _ in 0..<rest { metrics.lostEvent(name) }
        if let text = failures.finish(rest: rest) { log.warning("\(settings.address): \(text)") }
    }

    /// Sends the events of the queue, until it is empty after the last event, or the task is cancelled.
    /// - Returns: the failures since the last accepted event.
    private func send() async -> Failures {
        var failures = Failures()
        var wake = wakes.stream.makeAsyncIterator()
        var isComplete = false
        while !Task.isCancelled {
            switch queue.withLockedValue({ $0.next(at: MonotonicClock.now()) }) {
            case .send(let event): await send(event, &failures)
            case .idle:
                guard !isComplete else { return failures }
                isComplete = await wake.next(isolation: #isolation) == nil
            case .wait(let seconds) where isComplete: try? await Task.sleep(for: .seconds(seconds))
            case .wait(let seconds):
                let timer = Task { [continuation = wakes.continuation] in
                    try await Task.sleep(for: .seconds(seconds))
                    continuation.yield()
                }
                isComplete = await wake.next(isolation: #isolation) == nil
                timer.cancel()
            }
        }
        return failures
    }

    /// Sends an event, which is the first one of its stream.
    private func send(_ event: StreamEvent, _ failures: inout Failures) async {
        do {
            try await post(event.json)
            let isFailing = queue.withLockedValue {
                $0.accepted(event.stream)
                return $0.isFailing
            }
            if !isFailing, let text = failures.end() { log.notice("\(settings.address): \(text)") }
        } catch {
            metrics.outputFailed(name)
            let refusal = error as? Refused
            let isFinal = refusal?.isFinal ?? false || Task.isCancelled
            let reason = refusal?.reason ?? PlainFailure.text(error)
            let (tries, isLost) = queue.withLockedValue {
                $0.failed(
                    event.stream, tries: isFinal ? 1 : settings.tries, concernsAll: refusal?.isBusy ?? true,
                    at: MonotonicClock.now())
            }
            if isLost { metrics.lostEvent(name) }
            if let text = failures.add(reason, lost: isLost ? event : nil, at: MonotonicClock.now()) {
                log.warning("\(settings.address): \(text)", metadata: ["try": "\(tries)"])
            }
        }
    }

    private func post(_ json: String) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(Self.patience)
            .connect(host: settings.host, port: settings.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(tls.handler()) }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
        let deadline = channel.channel.eventLoop.scheduleTask(in: Self.patience) { channel.channel.close(promise: nil) }
        defer { deadline.cancel() }
        try await channel.executeThenClose { inbound, outbound in
            let body = ByteBuffer(string: json)
            let headers = HTTPHeaders([
                ("Host", "\(settings.host):\(settings.port)"), ("Content-Type", "application/json"),
                ("Content-Length", "\(body.readableBytes)"), ("User-Agent", "audio-classifierd/\(Version.text)"),
                ("Connection", "close"),
            ])
            let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: settings.path, headers: headers)
            try await outbound.write(contentsOf: [.head(head), .body(.byteBuffer(body)), .end(nil)])
            for try await part in inbound {
                guard case .head(let answer) = part else { continue }
                guard (200..<300).contains(answer.status.code) else {
                    throw Refused(status: answer.status, location: answer.headers.first(name: "Location"))
                }
                return
            }
            throw ChannelError.eof
        }
    }
}

/// What the log says about a row of failures: each new reason, each lost event at first, and then a count a minute. A
/// pure value.
struct Failures {
    private var reason: String?
    private var lost = 0
    private var logged = -Double.infinity

    /// Seconds between two messages about lost events.
    private static let interval = 60.0

    /// Adds a failed try.
    /// - Parameter event: the event that is lost with it; nil if there is another try.
    /// - Returns: a message for the log; nil if it would say nothing new.
    mutating func add(_ reason: String, lost event: StreamEvent?, at time: Double) -> String? {
        let isNew = reason != self.reason
        self.reason = reason
        guard let event else { return isNew ? "an event was not accepted, and is sent again: \(reason)" : nil }
        lost += 1
        guard isNew || lost == 1 || time - logged >= Self.interval else { return nil }
        logged = time
        let id = event.id ?? "\(event.stream) \(event.label)"
        return "an event was not accepted, and is given up: \(reason); \(id) is lost"
            + (lost > 1 ? ", with \(Quantity.text(lost - 1, "event")) before it" : "")
    }

    /// Returns what the log says at the end of the service; nil if nothing is lost.
    /// - Parameter rest: number of events that were not sent any more.
    func finish(rest: Int) -> String? {
        guard lost + rest > 0 else { return nil }
        // Invariant: both count events one by one.
        return "\(Quantity.text(lost + rest, "event is", "events are")) lost: \(reason ?? "the service has ended")"
    }

    /// Ends the row.
    /// - Returns: a message for the log; nil if there was no failure.
    mutating func end() -> String? {
        defer { self = Failures() }
        guard reason != nil else { return nil }
        return lost > 0 ? "events are accepted again; \(lost) are lost" : "events are accepted again"
    }
}
