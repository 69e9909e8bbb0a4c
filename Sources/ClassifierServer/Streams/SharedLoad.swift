internal import NIOConcurrencyHelpers
internal import NIOCore

/// What connections must know of all loops before they open a stream: who is there, and what a stream costs.
final class SharedLoad: Sendable {
    private struct State {
        var admission: Admission
        var costs: [Double]
        var processCost: StreamCost
        /// Of predictions, one in a hundred may be late.
        var predictions: Lateness
        /// Of the threads' turns, one in ten.
        var turns: Lateness
        /// Seconds of audio so far.
        var classified = 0.0

        func excess(at time: Double) -> Double? {
            predictions.excess(at: time) ?? turns.excess(at: time)
        }
    }

    private let state: NIOLockedValueBox<State>

    /// - Parameter latency: seconds after which a prediction is late.
    init(_ admission: Admission, loops: Int, cost: Double, latency: Double) {
        state = NIOLockedValueBox(
            State(
                admission: admission, costs: Array(repeating: cost, count: loops),
                processCost: StreamCost(inference: cost), predictions: Lateness(limit: latency, allowed: 0.01),
                turns: Lateness(limit: latency, allowed: 0.1)))
    }

    private static var now: Double { Double(NIODeadline.now().uptimeNanoseconds) * 1e-9 }

    func admit(_ id: String, client: String, near: Int?) throws(Refusal) -> Int {
        // The lock passes on errors of any type; a result keeps this one's.
        try state.withLockedValue { state in
            Result { () throws(Refusal) -> Int in
                try state.admission.admit(
                    id, client: client, near: near, cost: state.costs, processCost: state.processCost.value,
                    lateness: state.excess(at: Self.now))
            }
        }.get()
    }

    func release(_ id: String) { state.withLockedValue { $0.admission.release(id) } }

    func stop() { state.withLockedValue { $0.admission.stop() } }

    /// A loop has classified so many seconds of audio.
    func classified(_ audio: Double, cost: Double, loop: Int) {
        state.withLockedValue {
            $0.costs[loop] = cost
            $0.classified += audio
        }
    }

    /// Seconds of audio that have been classified.
    var classified: Double { state.withLockedValue { $0.classified } }

    /// What the whole process has used for so many seconds of audio.
    func update(processor seconds: Double, audio: Double) {
        state.withLockedValue { $0.processCost.update(processor: seconds, audio: audio) }
    }

    /// A prediction of a stream in real time came so long after its newest sample.
    func predicted(after seconds: Double) { state.withLockedValue { $0.predictions.note(seconds, at: Self.now) } }

    /// The threads had their turns so long after the time.
    func turned(after seconds: Double) { state.withLockedValue { $0.turns.note(seconds, at: Self.now) } }

    /// The part of the predictions of the last seconds that was late.
    var lateShare: Double { state.withLockedValue { $0.predictions.recent(at: Self.now).share } }

    /// Seconds of a loop that a second of audio costs, the mean of all loops.
    var cost: Double { state.withLockedValue { $0.costs.reduce(0, +) / Double($0.costs.count) } }

    /// For each stream the loop that it is on.
    var loops: [String: Int] { state.withLockedValue { $0.admission.places.mapValues(\.loop) } }

    /// Streams, and the part of the loops' time, or of the processors, that they take.
    var load: (streams: Int, load: Double) {
        state.withLockedValue { state in
            let busy = state.admission.places.values.reduce(0) { $0 + state.costs[$1.loop] }
            let process =
                Double(state.admission.count) * state.processCost.value / Double(state.admission.processors)
            return (state.admission.count, max(busy / Double(state.costs.count), process))
        }
    }
}
