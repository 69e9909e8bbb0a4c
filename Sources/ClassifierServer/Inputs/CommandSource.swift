internal import AudioClassifier
internal import Logging
internal import NIOCore
internal import StrictCoding

/// A source that reads the standard output of a command, and restarts the command when it ends or brings no audio.
struct CommandSource: Sendable {
    let source: ServeConfiguration.Source
    let arguments: [String]
    let hub: StreamHub
    let idleSeconds: Double
    let group: any EventLoopGroup
    let log: Logger

    /// Runs the command until the task is cancelled, and ends it before returning.
    @concurrent
    func run() async {
        do {
            var stream = try SourceStream(source, hub: hub, dropsWhenFull: true, idleSeconds: idleSeconds)
            var backoff = Backoff()
            while !Task.isCancelled {
                let began = NIODeadline.now()
                let reason = await runOnce(&stream)
                guard !Task.isCancelled else { break }
                stream.interrupt()
                // A command that ran long enough restarts without a long delay.
                // Invariant: the longest delay is a constant.
                if NIODeadline.now() - began > .nanoseconds(Int64(Backoff.longest * 1e9)) { backoff.reset() }
                let delay = backoff.delay()
                hub.metrics.restarted(source.name)
                log.warning("\(arguments[0]) \(reason); it is restarted in \(Decimal.text(delay, 1)) s")
                await stream.wait(delay)
            }
            await stream.end(.failed(code: "source", message: "the source has been stopped"))
        } catch {
            log.error("the source cannot begin: \(error.message)")
        }
    }

    /// Runs the command once.
    /// - Returns: the reason of its end, a predicate for the log.
    private func runOnce(_ stream: inout SourceStream) async -> String {
        let child: ChildCommand
        do { child = try await ChildCommand.start(arguments, idleSeconds: idleSeconds, group: group) } catch {
            return "does not run: \(ClassifierError(error).message)"
        }
        log.info("\(arguments[0]) runs")
        return await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await logErrors(child.errors) }
            var fault: String?
            do { try await read(child.output, &stream) } catch {
                switch error {
                case is ClientIdle: fault = "wrote nothing for \(Decimal.text(idleSeconds, 1)) s"
                case is SourceStream.Ended: fault = "lost its stream, which another client has ended"
                case let refusal as AdmissionRefusal: fault = "has no stream: \(refusal.message)"
                default: fault = "failed: \(ClassifierError(error).message)"
                }
            }
            let end = await child.end(immediately: fault != nil || Task.isCancelled)
            tasks.cancelAll()
            return fault ?? end
        }
    }

    private func read(_ output: ChildCommand.Output, _ stream: inout SourceStream) async throws {
        var pace = TokenBucket.liveAudio(burst: hub.defaults.queueSeconds)
        var content = CommandContent(name: source.name)
        try await output.executeThenClose { inbound in
            for try await buffer in inbound {
                content.push(Array(buffer.readableBytesView))
                while let bytes = try await content.next(&stream) {
                    try await stream.receive(bytes)
                    let wait = pace.spend(stream.description.seconds(bytes.count), at: MonotonicClock.now())
                    if wait > 0 { try await Task.sleep(for: .seconds(wait)) }
                }
            }
            let rest = content.rest
            if !rest.isEmpty { try await stream.receive(rest) }
        }
    }

    private func logErrors(_ errors: ChildCommand.Output) async {
        // A broken pipe means the same as a closed one.
        try? await errors.executeThenClose { inbound in
            var lines = ErrorLines()
            do {
                for try await buffer in inbound {
                    for line in lines.push(buffer.readableBytesView, at: MonotonicClock.now()) { report(line) }
                    if lines.isLimited { try await Task.sleep(for: .milliseconds(50)) }
                }
            } catch {
                // Cancelled: the command has ended, and another process holds its standard error.
            }
            for line in lines.finish() { report(line) }
        }
    }

    private func report(_ line: String) { log.notice("\(arguments[0]): \(line)") }
}

extension TokenBucket {
    /// Real time with a reserve of a quarter: the clocks of sound cards differ by less, and a delayed command can catch
    /// up. A faster command waits in its pipe.
    /// - Parameter burst: seconds of audio that may come at once.
    package static func liveAudio(burst: Double) -> TokenBucket { TokenBucket(capacity: burst, perSecond: 1.25) }
}
