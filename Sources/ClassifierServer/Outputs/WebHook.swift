internal import AudioClassifier
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Posts every event as JSON to an address, with repetitions until the server accepts it.
struct WebHook: EventOutput {
    /// An answer with another status than success.
    private struct Refused: Error {
        let status: UInt
    }

    let name = "webhook"
    private let settings: ServeConfiguration.Events.WebHook
    private let log: Logger
    private let tls: ClientTLS?

    /// Time for a connection, and for an answer.
    private static let patience = TimeAmount.seconds(10)

    init(_ settings: ServeConfiguration.Events.WebHook, log: Logger) throws(ClassifierError) {
        self.settings = settings
        self.log = log
        tls = settings.isSecure ? try ClientTLS(host: settings.host, authorities: settings.authorities) : nil
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        var backoff = Backoff()
        for await event in events {
            var tries = 0
            while tries < settings.tries && !Task.isCancelled {
                do {
                    try await post(event.json)
                    backoff.reset()
                    break
                } catch {
                    tries += 1
                    let delay = backoff.delay()
                    log.warning(
                        "\(settings.address): an event was not accepted: \(error)", metadata: ["try": "\(tries)"])
                    if tries < settings.tries { try? await Task.sleep(for: .seconds(delay)) }
                }
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
                guard (200..<300).contains(answer.status.code) else { throw Refused(status: answer.status.code) }
                return
            }
            throw ChannelError.eof
        }
    }
}
