internal import NIOConcurrencyHelpers
internal import NIOCore

/// What connections must know of all loops before they open a stream: who is there, and what a stream costs.
final class SharedLoad: Sendable {
    private struct State {
        var admission: Admission
        var costs: ModelCosts
        var overhead = StreamOverhead()
        /// Of each stream.
        var models: [String: ObjectIdentifier] = [:]
        /// Of predictions, one in a hundred may be late.
        var predictions: Lateness
        /// Of the threads' turns, one in ten.
        var turns: Lateness
        var used = Used()
        var isReloading = false

        func excess(at time: Double) -> Double? {
            predictions.excess(at: time) ?? turns.excess(at: time)
        }
    }

    /// What all streams have used so far.
    struct Used {
        /// Seconds of audio that have been classified.
        var audio = 0.0
        /// Seconds of the loops' threads.
        var inference = 0.0
    }

    private let state: NIOLockedValueBox<State>

    /// - Parameter latency: seconds after which a prediction is late.
    init(_ admission: Admission, loops: Int, latency: Double) {
        state = NIOLockedValueBox(
            State(
                admission: admission, costs: ModelCosts(loops: loops),
                predictions: Lateness(limit: latency, allowed: 0.01), turns: Lateness(limit: latency, allowed: 0.1)))
    }

    private static var now: Double { Double(NIODeadline.now().uptimeNanoseconds) * 1e-9 }

    // MARK: Admission

    /// These models are what streams may have from now on.
    /// - Parameter measured: seconds of a thread for a second of audio, of those that are new.
    func offer(_ models: [ObjectIdentifier], measured: [ObjectIdentifier: Double]) {
        state.withLockedValue { $0.costs.offer(models, measured: measured) }
    }

    func admit(_ id: String, client: String, model: ObjectIdentifier, near: Int?) throws(Refusal) -> Int {
        // The lock passes on errors of any type; a result keeps this one's.
        try state.withLockedValue { state in
            Result { () throws(Refusal) -> Int in
                let loop = try state.admission.admit(
                    id, client: client, near: near, cost: state.costs.costs(of: model), busy: state.costs.busy,
                    overhead: state.overhead.value, lateness: state.excess(at: Self.now))
                state.models[id] = model
                state.costs.enter(model, loop: loop)
                return loop
            }
        }.get()
    }

    func release(_ id: String) {
        state.withLockedValue { state in
            if let place = state.admission.places[id], let model = state.models.removeValue(forKey: id) {
                state.costs.leave(model, loop: place.loop)
            }
            state.admission.release(id)
        }
    }

    func stop() { state.withLockedValue { $0.admission.stop() } }

    // MARK: Measurements

    /// Seconds of a loop that a second of a model's audio costs.
    func cost(of model: ObjectIdentifier, loop: Int) -> Double {
        state.withLockedValue { $0.costs.costs(of: model)[loop] }
    }

    /// A loop has classified so many seconds of audio, and was busy for so long.
    func classified(_ audio: Double, busy: Double, model: ObjectIdentifier, cost: Double, loop: Int) {
        state.withLockedValue {
            $0.costs.update(model, loop: loop, cost: cost)
            $0.used.audio += audio
            $0.used.inference += busy
        }
    }

    var used: Used { state.withLockedValue { $0.used } }

    /// What the whole process has used, while streams have used so much.
    func update(processor seconds: Double, _ used: Used) {
        state.withLockedValue {
            $0.overhead.update(processor: seconds, inference: used.inference, audio: used.audio)
        }
    }

    /// A reload loads and measures models: what the process uses meanwhile is not what streams cost.
    var isReloading: Bool {
        get { state.withLockedValue { $0.isReloading } }
        set { state.withLockedValue { $0.isReloading = newValue } }
    }

    /// A prediction of a stream in real time came so long after its newest sample.
    func predicted(after seconds: Double) { state.withLockedValue { $0.predictions.note(seconds, at: Self.now) } }

    /// The threads had their turns so long after the time.
    func turned(after seconds: Double) { state.withLockedValue { $0.turns.note(seconds, at: Self.now) } }

    // MARK: For the metrics

    /// The part of the predictions of the last seconds that was late.
    var lateShare: Double { state.withLockedValue { $0.predictions.recent(at: Self.now).share } }

    /// Seconds of a loop that a second of audio costs, the mean of the streams that there are.
    var cost: Double { state.withLockedValue { $0.costs.mean } }

    /// For each stream the loop that it is on.
    var loops: [String: Int] { state.withLockedValue { $0.admission.places.mapValues(\.loop) } }

    /// Streams, and the part of the loops' time, or of the processors, that they take.
    var load: (streams: Int, load: Double) {
        state.withLockedValue { state in
            let busy = state.costs.busy
            let all = busy.reduce(0, +)
            let process =
                (all + Double(state.admission.count) * state.overhead.value) / Double(state.admission.processors)
            return (state.admission.count, max(all / Double(busy.count), process))
        }
    }
}
