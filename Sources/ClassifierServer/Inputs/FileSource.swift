internal import AudioClassifier
internal import AudioFrontend
internal import Logging
internal import NIOCore
internal import StrictCoding

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
            var stream = try SourceStream(source, hub: hub, dropsWhenFull: false, idleSeconds: idleSeconds)
            var file = FileFollower(
                path, fromStart: fromStart, frameBytes: source.format.bytesPerSample * source.channels)
            await resume(&file, &stream)
            await follow(&file, &stream)
            await stream.end(.failed(code: "source", message: "the source has been stopped"))
        } catch {
            log.error("the source cannot begin: \(error.message)")
        }
    }

    /// Goes on where the last service was, if that can be.
    private func resume(_ file: inout FileFollower, _ stream: inout SourceStream) async {
        guard let place = await hub.states.resumePoint(of: source.name), place.path == path else { return }
        var backoff = Backoff()
        var fault = place.fault(upTo: place.offset)
        let hasState = await hub.states.load(source.name) != nil
        while fault == nil && !Task.isCancelled {
            do throws(AdmissionRefusal) {
                let (sample, note) = hasState ? try await stream.resume() : (nil, nil)
                // Before the first state was saved, and after silence, a stream begins at its place.
                let byte = place.byteOffset(of: sample ?? 0)
                if hasState && sample == nil {
                    fault = "cannot be gone on with: \(note ?? "there is no state")"
                } else if let byte {
                    fault = place.fault(upTo: byte)
                    guard fault == nil else { break }
                    file.goOn(at: byte)
                    log.notice("\(path) goes on at byte \(byte)", metadata: ["sample": "\(sample ?? 0)"])
                    return
                } else {
                    fault = "has no state to go on from"
                }
            } catch {
                let delay = backoff.delay()
                log.warning("\(path): \(error.message); it is tried again in \(Decimal.text(delay, 1)) s")
                await stream.wait(delay)
            }
        }
        guard let fault else { return }
        log.notice("\(path) \(fault); its stream begins afresh")
        await stream.end(.complete)
        await hub.states.save(nil, of: source.name, isNew: true)
    }

    /// Notes where in the file the stream is, for a service that is started again.
    private func tie(
        _ file: borrowing FileFollower, _ stream: inout SourceStream, before bytes: Int, isNew: Bool
    ) async {
        let place = stream.isPlaced ? file.resumePoint(of: stream.position, before: bytes) : nil
        await hub.states.save(place, of: source.name, isNew: isNew)
    }

    private func follow(_ file: inout FileFollower, _ stream: inout SourceStream) async {
        var backoff = Backoff()
        var isResumePointSaved = false
        while !Task.isCancelled {
            do {
                switch try file.next() {
                case .nothing:
                    try await Task.sleep(for: .seconds(Self.interval))
                    if await stream.endIfSilent() {
                        // What comes next is another stream's, from here on.
                        await hub.states.save(file.resumePoint(of: 0, before: 0), of: source.name, isNew: true)
                    }
                case .began(let wave, let isCut):
                    // What was in a file that has been cut is not known.
                    if isCut {
                        log.notice("\(path) was cut: it is read from its beginning, as a new stream")
                        await stream.end(.complete)
                    }
                    isResumePointSaved = false
                    try await begin(wave, &stream)
                case .bytes(let bytes):
                    let isNew: Bool
                    do throws(AdmissionRefusal) { isNew = try await stream.beginIfNeeded() } catch {
                        file.unread(bytes.count)
                        throw error
                    }
                    if isNew || !isResumePointSaved { await tie(file, &stream, before: bytes.count, isNew: isNew) }
                    isResumePointSaved = true
                    try await stream.receive(bytes)
                    backoff.reset()
                }
            } catch is CancellationError {
                return
            } catch {
                let delay = backoff.delay()
                hub.metrics.restarted(source.name)
                // The state is that of somebody else's audio now.
                if error is SourceStream.Ended { await hub.states.save(nil, of: source.name, isNew: false) }
                let message =
                    switch error {
                    case let refusal as AdmissionRefusal: refusal.message
                    case is SourceStream.Ended: "somebody else has ended its stream"
                    default: ClassifierError(error).message
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
