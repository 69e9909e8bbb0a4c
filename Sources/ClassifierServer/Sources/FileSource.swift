internal import AudioFrontend
internal import ClassifierService
internal import Logging
internal import NIOCore

/// A file that somebody else writes, followed while it grows, over rotation and truncation, from when it is there.
struct FileSource: Sendable {
    let source: ServeConfiguration.Source
    let path: String
    let fromStart: Bool
    let hub: StreamHub
    let idleSeconds: Double
    let log: Logger

    /// How often the file is looked at, in seconds: a look costs a microsecond, and, other than inotify(7), sees files of
    /// other machines.
    private static let interval = 0.05

    /// Until cancelled.
    @concurrent
    func run() async {
        do {
            var stream = try SourceStream(source, hub: hub, isLive: false, idleSeconds: idleSeconds)
            var file = FileFollower(
                path, fromStart: fromStart, frameBytes: source.format.bytesPerSample * source.channels)
            await follow(&file, &stream)
            await stream.end(.failed(code: "source", message: "the source has been stopped"))
        } catch {
            log.error("the source cannot begin: \(error.message)")
        }
    }

    private func follow(_ file: inout FileFollower, _ stream: inout SourceStream) async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                switch try file.next() {
                case .nothing:
                    try await Task.sleep(for: .seconds(Self.interval))
                    await stream.endIfSilent()
                case .began(let wave, let isCut):
                    // What was in a file that has been cut is not known.
                    if isCut {
                        log.notice("\(path) was cut: it is read from its beginning, as a new stream")
                        await stream.end(.complete)
                    }
                    try await begin(wave, &stream)
                case .bytes(let bytes):
                    do { try await stream.receive(bytes) } catch let refusal as Refusal {
                        file.unread(bytes.count)
                        throw refusal
                    }
                    backoff.reset()
                }
            } catch is CancellationError {
                return
            } catch {
                let delay = backoff.delay()
                hub.metrics.restarted(source.name)
                let message =
                    switch error {
                    case let refusal as Refusal: refusal.message
                    case is SourceStream.Ended: "somebody else has ended its stream"
                    default: ServiceError(error).message
                    }
                log.warning("\(path): \(message); it is tried again in \(Decimal.text(delay, 1)) s")
                await stream.wait(delay)
            }
        }
    }

    /// Bare samples are what the configuration says, a WAV file is what its header says.
    private func begin(_ wave: WaveFormat?, _ stream: inout SourceStream) async throws {
        var description = stream.configured
        if let wave { description = .init(format: wave.format, rate: wave.sampleRate, channels: wave.channels) }
        try await stream.begin(description)
    }
}
