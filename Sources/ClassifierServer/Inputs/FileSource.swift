internal import AudioClassifier
internal import AudioFrontend
internal import Logging
internal import NIOCore
internal import StrictCoding

/// A source that follows a growing file over rotation and truncation, and waits for a file that does not exist yet.
struct FileSource: Sendable {
    let source: ServeConfiguration.Source
    let path: String
    let fromStart: Bool
    let hub: StreamHub
    let idleSeconds: Double
    let log: Logger

    /// Polling interval in seconds. Polling costs a microsecond and, unlike inotify(7), works on network file systems.
    private static let interval = 0.05

    /// Follows the file until the task is cancelled.
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

    /// Resumes at the saved resume point, if it is still valid.
    private func resume(_ file: inout FileFollower, _ stream: inout SourceStream) async {
        guard let point = await hub.states.resumePoint(of: source.name) else { return }
        guard point.path == path else { return await stream.end(.complete) }
        var backoff = Backoff()
        var fault = point.fault(upTo: point.offset)
        let hasState = await hub.states.load(source.name) != nil
        // A stream without a state begins again, and its events are others.
        if hasState { stream.resume(eventPart: point.eventPart) }
        while fault == nil && !Task.isCancelled {
            do throws(AdmissionRefusal) {
                let (sample, note) = hasState ? try await stream.resume() : (nil, nil)
                // Without a state, before its first save or after silence, a new stream begins at the resume point.
                let byte = point.byteOffset(of: sample ?? 0)
                if hasState && sample == nil {
                    fault = "cannot be resumed: \(note ?? "there is no state")"
                } else if let byte {
                    fault = point.fault(upTo: byte)
                    guard fault == nil else { break }
                    file.resume(at: byte)
                    log.notice("\(path) is resumed at byte \(byte)", metadata: ["sample": "\(sample ?? 0)"])
                    return
                } else {
                    fault = "has no state to resume from"
                }
            } catch {
                let delay = backoff.delay()
                log.warning("\(path): \(error.message); the next try is in \(Decimal.text(delay, 1)) s")
                await stream.wait(delay)
            }
        }
        guard let fault else { return }
        log.notice("\(path) \(fault); its stream begins afresh")
        await stream.end(.complete)
        await hub.states.save(nil, of: source.name, isNew: true)
    }

    /// Saves the resume point of the stream.
    private func saveResumePoint(
        _ file: borrowing FileFollower, _ stream: inout SourceStream, before bytes: Int, isNew: Bool
    ) async {
        let point =
            stream.hasByteOffsets
            ? file.resumePoint(of: stream.position, before: bytes, eventPart: stream.eventPart) : nil
        await hub.states.save(point, of: source.name, isNew: isNew)
    }

    private func follow(_ file: inout FileFollower, _ stream: inout SourceStream) async {
        var backoff = Backoff()
        var isResumePointSaved = false
        // Whether the log says that there is no file.
        var isAwaited = false
        while !Task.isCancelled {
            do {
                switch try file.next() {
                case .nothing:
                    try await Task.sleep(for: .seconds(Self.interval))
                    if await stream.endIfIdle() {
                        // The next bytes begin another stream.
                        file.unreadPart()
                        let point = file.resumePoint(of: 0, before: 0, eventPart: stream.eventPart)
                        await hub.states.save(point, of: source.name, isNew: true)
                    }
                case .missing:
                    isAwaited = true
                    log.notice("waiting for \(path)")
                case .cut:
                    // The stream's position in a truncated file is unknown.
                    log.notice("\(path) was truncated: it is read from its beginning, as a new stream")
                    await stream.end(.complete)
                case .hole(let end):
                    let what = "has a hole up to byte \(end), where its writer went on after the truncation"
                    log.warning("\(path) \(what) instead of appending; it is read from there")
                    isResumePointSaved = false
                case .began(let wave):
                    if isAwaited { log.notice("\(path) is there") }
                    isAwaited = false
                    isResumePointSaved = false
                    try await begin(wave, &stream)
                case .bytes(let bytes):
                    let isNew: Bool
                    do throws(AdmissionRefusal) { isNew = try await stream.beginIfNeeded() } catch {
                        file.unread(bytes.count)
                        throw error
                    }
                    if isNew || !isResumePointSaved {
                        await saveResumePoint(file, &stream, before: bytes.count, isNew: isNew)
                    }
                    isResumePointSaved = true
                    do { try await stream.receive(bytes) } catch let error as AudioError {
                        // What is refused stays refused: later bytes of a FLAC file do not look like one.
                        file.unread(bytes.count)
                        throw error
                    }
                    backoff.reset()
                }
            } catch is CancellationError {
                return
            } catch {
                let delay = backoff.delay()
                hub.metrics.restarted(source.name)
                // Another client has taken the stream's name, so the saved state is not this file's any more.
                if error is SourceStream.Ended { await hub.states.save(nil, of: source.name, isNew: false) }
                let message =
                    switch error {
                    case let refusal as AdmissionRefusal: refusal.message
                    case is SourceStream.Ended: "another client has ended its stream"
                    default: ClassifierError(error).message
                    }
                log.warning("\(path): \(message); the next try is in \(Decimal.text(delay, 1)) s")
                await stream.wait(delay)
            }
        }
    }

    /// Begins a file with the format of its WAV header, or with the configured format of raw PCM.
    private func begin(_ wave: WaveFormat?, _ stream: inout SourceStream) async throws {
        var description = stream.configured
        if let wave { description = .init(format: wave.format, rate: wave.sampleRate, channels: wave.channels) }
        try await stream.begin(description)
    }
}
