internal import NIOConcurrencyHelpers

/// The state of admission that all connections and loops share: running streams, costs and lateness, behind a lock.
final class SharedLoad: Sendable {
    private struct State {
        var admission: Admission
        var costs: ModelCosts
        var overhead = StreamOverhead()
        /// The model of each running stream.
        var models: [String: ObjectIdentifier] = [:]
        /// Delays of predictions; one in a hundred may be late.
        var predictions: LateRatio
        /// Delays of the loops' answers to pings; one in ten may be late.
        var pings: LateRatio
        var used = Used()
        var isReloading = false

        func excess(at time: Double) -> Double? {
            predictions.excess(at: time) ?? pings.excess(at: time)
        }
    }

    /// Sums over all streams since the start.
    struct Used {
        /// Seconds of audio.
        var audio = 0.0
        /// Seconds of processor time of the loops' threads.
        var inference = 0.0
    }

    private let state: NIOLockedValueBox<State>

    /// - Parameter latency: predictions with a longer delay are late, in seconds.
    init(_ admission: Admission, loops: Int, latency: Double) {
        state = NIOLockedValueBox(
            State(
                admission: admission, costs: ModelCosts(loops: loops),
                predictions: LateRatio(limit: latency, allowed: 0.01), pings: LateRatio(limit: latency, allowed: 0.1)))
    }

    // MARK: Admission

    /// Replaces the models that new streams may use.
    /// - Parameter measured: costs of new models, in seconds of a thread's processor time per second of audio.
    func offer(_ models: [ObjectIdentifier], measured: [ObjectIdentifier: Double]) {
        state.withLockedValue { $0.costs.offer(models, measured: measured) }
    }

    func admit(_ id: String, client: String, model: ObjectIdentifier, near: Int?) throws(AdmissionRefusal) -> Int {
        // The lock rethrows untyped errors; a result keeps the type.
        try state.withLockedValue { state in
            Result { () throws(AdmissionRefusal) -> Int in
                let loop = try state.admission.admit(
                    id, client: client, near: near, cost: state.costs.costs(of: model), busy: state.costs.busy,
                    overhead: state.overhead.value, lateness: state.excess(at: MonotonicClock.now()))
                state.models[id] = model
                state.costs.enter(model, loop: loop)
                return loop
            }
        }.get()
    }

    /// Returns the reason for which a stream would be refused now; nil if it would be admitted.
    func refusal(client: String, model: ObjectIdentifier) -> AdmissionRefusal? {
        state.withLockedValue { state in
            var admission = state.admission
            do throws(AdmissionRefusal) {
                // No stream has an empty name.
                _ = try admission.admit(
                    "", client: client, cost: state.costs.costs(of: model), busy: state.costs.busy,
                    overhead: state.overhead.value, lateness: state.excess(at: MonotonicClock.now()))
                return nil
            } catch {
                return error
            }
        }
    }

    func release(_ id: String) {
        state.withLockedValue { state in
            if let assignment = state.admission.assignments[id], let model = state.models.removeValue(forKey: id) {
                state.costs.leave(model, loop: assignment.loop)
            }
            state.admission.release(id)
        }
    }

    func stop() { state.withLockedValue { $0.admission.stop() } }

    /// Whether all further streams are refused.
    var isStopping: Bool { state.withLockedValue { $0.admission.isStopping } }

    // MARK: Measurements

    /// Returns a model's cost on a loop, in seconds of its thread's processor time per second of audio.
    func cost(of model: ObjectIdentifier, loop: Int) -> Double {
        state.withLockedValue { $0.costs.costs(of: model)[loop] }
    }

    /// Adds an iteration of a loop.
    /// - Parameters:
    ///   - audio: seconds of audio that it classified.
    ///   - busy: seconds of its thread's processor time.
    ///   - cost: the model's cost on the loop, which this iteration has changed.
    func classified(_ audio: Double, busy: Double, model: ObjectIdentifier, cost: Double, loop: Int) {
        state.withLockedValue {
            $0.costs.update(model, loop: loop, cost: cost)
            $0.used.audio += audio
            $0.used.inference += busy
        }
    }

    var used: Used { state.withLockedValue { $0.used } }

    /// Adds a measurement of the whole process: its processor seconds, and the streams' use in that time.
    func update(processor seconds: Double, _ used: Used) {
        state.withLockedValue {
            $0.overhead.update(processor: seconds, inference: used.inference, audio: used.audio)
        }
    }

    /// Whether a reload loads and measures models, a cost that must not be charged to streams.
    var isReloading: Bool {
        get { state.withLockedValue { $0.isReloading } }
        set { state.withLockedValue { $0.isReloading = newValue } }
    }

    /// Records the delay of a prediction of a real-time stream after its newest sample.
    func predicted(after seconds: Double) {
        state.withLockedValue { $0.predictions.record(seconds, at: MonotonicClock.now()) }
    }

    /// Records the delay of the loops' answers to a ping.
    func answeredPing(after seconds: Double) {
        state.withLockedValue { $0.pings.record(seconds, at: MonotonicClock.now()) }
    }

    // MARK: Metrics

    /// The share of late predictions in the last seconds.
    var lateShare: Double { state.withLockedValue { $0.predictions.recent(at: MonotonicClock.now()).share } }

    /// The mean cost of the running streams, in seconds of a loop's processor time per second of audio.
    var cost: Double { state.withLockedValue { $0.costs.mean } }

    /// The index of each running stream's loop.
    var loops: [String: Int] { state.withLockedValue { $0.admission.assignments.mapValues(\.loop) } }

    /// Number of streams, and the share of the loops' time, or of the processors, that they use.
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
