internal import AudioClassifier
internal import Logging
internal import NIOCore
internal import StrictCoding

/// A command whose standard output is audio: it is started, watched, and started again when it ends or falls silent.
struct CommandSource: Sendable {
    let source: ServeConfiguration.Source
    let arguments: [String]
    let hub: StreamHub
    let idleSeconds: Double
    let group: any EventLoopGroup
    let log: Logger

    /// Until cancelled; then the command has ended, too.
    @concurrent
    func run() async {
        do {
            var stream = try SourceStream(source, hub: hub, isLive: true, idleSeconds: idleSeconds)
            var backoff = Backoff()
            while !Task.isCancelled {
                let began = NIODeadline.now()
                let reason = await runOnce(&stream)
                guard !Task.isCancelled else { break }
                stream.interrupt()
                // Who ran for long enough has no fault that waiting would mend.
                if NIODeadline.now() - began > .nanoseconds(Int64(Backoff.longest * 1e9)) { backoff.reset() }
                let delay = backoff.delay()
                hub.metrics.restarted(source.name)
                log.warning("\(arguments[0]) \(reason); it is started again in \(Decimal.text(delay, 1)) s")
                await stream.wait(delay)
            }
            await stream.end(.failed(code: "source", message: "the source has been stopped"))
        } catch {
            log.error("the source cannot begin: \(error.message)")
        }
    }

    /// - Returns: why it is over, in words.
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
                case is ClientIdle: fault = "said nothing for \(Decimal.text(idleSeconds, 1)) s"
                case is SourceStream.Ended: fault = "lost its stream, which somebody else has ended"
                case let refusal as Refusal: fault = "has no stream: \(refusal.message)"
                default: fault = "failed: \(ClassifierError(error).message)"
                }
            }
            let end = await child.end(atOnce: fault != nil || Task.isCancelled)
            tasks.cancelAll()
            return fault ?? end
        }
    }

    private func read(_ output: ChildCommand.Output, _ stream: inout SourceStream) async throws {
        var pace = AudioPace(burst: hub.defaults.queueSeconds, at: Self.now())
        try await output.executeThenClose { inbound in
            for try await buffer in inbound {
                let bytes = Array(buffer.readableBytesView)
                try await stream.receive(bytes)
                let wait = pace.take(stream.description.seconds(bytes.count), at: Self.now())
                if wait > 0 { try await Task.sleep(for: .seconds(wait)) }
            }
        }
    }

    private func logErrors(_ errors: ChildCommand.Output) async {
        // A pipe that breaks ends like one that is closed.
        try? await errors.executeThenClose { inbound in
            var lines = ErrorLines(at: Self.now())
            do {
                for try await buffer in inbound {
                    for line in lines.push(buffer.readableBytesView, at: Self.now()) { tell(line) }
                    if lines.isLimited { try await Task.sleep(for: .milliseconds(50)) }
                }
            } catch {
                // Cancelled: the command has ended, and somebody else holds its standard error.
            }
            for line in lines.finish() { tell(line) }
        }
    }

    private func tell(_ line: String) { log.notice("\(arguments[0]): \(line)") }

    private static func now() -> Double { Double(NIODeadline.now().uptimeNanoseconds) * 1e-9 }
}
