internal import AudioClassifier
internal import NIOConcurrencyHelpers

/// What the service counts. Inference loops and connections write, `/metrics` reads.
final class ServerMetrics: Sendable {
    struct Values {
        var predictions: UInt64 = 0
        var droppedSamples: UInt64 = 0
        var steps = Histogram()
        var latency = Histogram()
        var events: [String: UInt64] = [:]
        var ends: [String: UInt64] = [:]
        var refusals: [String: UInt64] = [:]
        var connections: UInt64 = 0
        var stateFailures: UInt64 = 0
        var lostEvents: [String: UInt64] = [:]
        var sourceRestarts: [String: UInt64] = [:]
    }

    private let box = NIOLockedValueBox(Values())

    var values: Values { box.withLockedValue { $0 } }

    /// Streams were stepped together.
    func turn(predictions: Int, seconds: Double) {
        box.withLockedValue {
            $0.predictions += UInt64(predictions)
            if predictions > 0 { $0.steps.observe(seconds) }
        }
    }

    /// A prediction was made so long after its newest sample had come.
    func predicted(after seconds: Double) { box.withLockedValue { $0.latency.observe(seconds) } }

    func lose(_ samples: Int) {
        guard samples > 0 else { return }
        box.withLockedValue { $0.droppedSamples += UInt64(samples) }
    }

    func event(_ label: String) { box.withLockedValue { $0.events[label, default: 0] += 1 } }

    func ended(_ reason: StreamEnd) {
        let word =
            switch reason {
            case .complete: "complete"
            case .stopped: "stopped"
            case .lost: "connection_lost"
            case .silent: "idle"
            case .failed(let code, _): code
            }
        box.withLockedValue { $0.ends[word, default: 0] += 1 }
    }

    func refused(_ reason: Refusal.Reason) { box.withLockedValue { $0.refusals[reason.rawValue, default: 0] += 1 } }

    func lostEvent(_ output: String) { box.withLockedValue { $0.lostEvents[output, default: 0] += 1 } }

    /// A source that is configured is counted from its beginning on, so that its first restart is a change.
    func configured(_ source: String) { box.withLockedValue { $0.sourceRestarts[source, default: 0] += 0 } }

    func restarted(_ source: String) { box.withLockedValue { $0.sourceRestarts[source, default: 0] += 1 } }

    func stateFailed() { box.withLockedValue { $0.stateFailures += 1 } }

    func connected() { box.withLockedValue { $0.connections += 1 } }
}
