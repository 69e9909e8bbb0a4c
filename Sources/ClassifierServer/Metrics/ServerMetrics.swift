internal import Logging
internal import NIOConcurrencyHelpers
internal import StrictCoding

/// Counters of the service, and the log of what they count. Inference loops and connections write, `/metrics` reads.
final class ServerMetrics: Sendable {
    struct Values {
        var predictions: UInt64 = 0
        var droppedSamples: UInt64 = 0
        var steps = Histogram()
        var latency = Histogram()
        var events: [String: UInt64] = [:]
        var ends: [String: UInt64] = [:]
        var refusals: [String: UInt64] = [:]
        var uploads: [String: UInt64] = [:]
        var uploadSeconds = 0.0
        var connections: UInt64 = 0
        var stateFailures: UInt64 = 0
        var lostEvents: [String: UInt64] = [:]
        var outputFailures: [String: UInt64] = [:]
        var sourceRestarts: [String: UInt64] = [:]
    }

    private let box = NIOLockedValueBox(Values())
    private let log: Logger
    /// Room for refusals in the log: ten at once, and one a second.
    private let refusals = NIOLockedValueBox((bucket: TokenBucket(capacity: 10, perSecond: 1), left: 0))

    init(log: Logger) { self.log = log }

    var values: Values { box.withLockedValue { $0 } }

    /// Records an iteration of a loop.
    func iteration(predictions: Int, seconds: Double) {
        box.withLockedValue {
            $0.predictions += UInt64(predictions)
            if predictions > 0 { $0.steps.observe(seconds) }
        }
    }

    /// Records the delay of a prediction after the arrival of its newest sample.
    func predicted(after seconds: Double) { box.withLockedValue { $0.latency.observe(seconds) } }

    /// Counts samples that a stream lost.
    func lose(_ samples: Int) {
        guard samples > 0 else { return }
        box.withLockedValue { $0.droppedSamples = $0.droppedSamples.addingSaturated(UInt64(samples)) }
    }

    /// Counts the begin of an event.
    func event(_ label: String) { box.withLockedValue { $0.events[label, default: 0] += 1 } }

    /// Logs the begin of a stream.
    func began(_ stream: String, client: String) {
        log.debug("a stream begins", metadata: ["stream": "\(stream)", "client": "\(client)"])
    }

    /// Counts the end of a stream.
    func ended(_ reason: String, stream: String = "") {
        box.withLockedValue { $0.ends[reason, default: 0] += 1 }
        log.debug("a stream ends", metadata: ["stream": "\(stream)", "reason": "\(reason)"])
    }

    /// Counts a refused stream, request or connection.
    func refused(_ reason: String, _ message: String? = nil, client: String = "") {
        box.withLockedValue { $0.refusals[reason, default: 0] += 1 }
        logRefusal(reason, message ?? reason, client: client)
    }

    /// Logs a refusal. A client that tries again and again fills no disk: the log counts what it leaves out.
    func logRefusal(_ reason: String, _ message: String, client: String) {
        guard log.logLevel <= .info else { return }
        let left: Int? = refusals.withLockedValue { state in
            state.bucket.refill(at: MonotonicClock.now())
            guard state.bucket.take() else {
                state.left += 1
                return nil
            }
            defer { state.left = 0 }
            return state.left
        }
        guard let left else { return }
        var metadata: Logger.Metadata = ["client": "\(client)", "reason": "\(reason)"]
        if left > 0 { metadata["more"] = "\(left)" }
        log.info("refused: \(message)", metadata: metadata)
    }

    /// Counts a file that a client sent.
    func uploaded(_ outcome: UploadOutcome) {
        box.withLockedValue { $0.uploads[outcome.rawValue, default: 0] += 1 }
    }

    /// Adds the audio of a file that was decoded.
    func decodedUpload(seconds: Double) { box.withLockedValue { $0.uploadSeconds += seconds } }

    /// Counts an event that an output lost.
    func lostEvent(_ output: String) { box.withLockedValue { $0.lostEvents[output, default: 0] += 1 } }

    /// Counts a try of an output that failed: to connect, to send a request, to write.
    func outputFailed(_ output: String) { box.withLockedValue { $0.outputFailures[output, default: 0] += 1 } }

    /// Adds an output with 0 lost events and failures, so that the first of them is visible as a change.
    func configured(output: String) {
        box.withLockedValue {
            $0.lostEvents[output, default: 0] += 0
            $0.outputFailures[output, default: 0] += 0
        }
    }

    /// Adds a source with 0 restarts, so that its first restart is visible as a change.
    func configured(_ source: String) { box.withLockedValue { $0.sourceRestarts[source, default: 0] += 0 } }

    /// Counts a restart of a source.
    func restarted(_ source: String) { box.withLockedValue { $0.sourceRestarts[source, default: 0] += 1 } }

    /// Counts a state that could not be saved.
    func stateFailed() { box.withLockedValue { $0.stateFailures += 1 } }

    /// Counts an accepted connection.
    func connected(_ client: String = "") {
        box.withLockedValue { $0.connections += 1 }
        log.debug("a connection begins", metadata: ["client": "\(client)"])
    }

    /// Whether the log has the begin and the end of connections.
    var logsConnections: Bool { log.logLevel <= .debug }

    /// Logs the end of a connection.
    func disconnected(_ client: String, reason: String, received: Int, sent: Int, seconds: Double) {
        log.debug(
            "a connection ends",
            metadata: [
                "client": "\(client)", "reason": "\(reason)", "received_bytes": "\(received)",
                "sent_bytes": "\(sent)", "seconds": "\(Decimal.text(seconds, 3))",
            ])
    }
}
