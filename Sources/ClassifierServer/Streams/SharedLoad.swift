internal import NIOConcurrencyHelpers

/// What connections must know of all loops before they open a stream: who is there, and what a stream costs.
final class SharedLoad: Sendable {
    private struct State {
        var admission: Admission
        var costs: [Double]
    }

    private let state: NIOLockedValueBox<State>

    init(_ admission: Admission, loops: Int, cost: Double) {
        state = NIOLockedValueBox(State(admission: admission, costs: Array(repeating: cost, count: loops)))
    }

    func admit(_ id: String, client: String) throws(Refusal) -> Int {
        // The lock passes on errors of any type; a result keeps this one's.
        try state.withLockedValue { state in
            Result { () throws(Refusal) -> Int in
                try state.admission.admit(id, client: client, cost: state.costs)
            }
        }.get()
    }

    func release(_ id: String) { state.withLockedValue { $0.admission.release(id) } }

    func stop() { state.withLockedValue { $0.admission.stop() } }

    func setCost(_ cost: Double, loop: Int) { state.withLockedValue { $0.costs[loop] = cost } }

    /// Seconds of a loop that a second of audio costs, the mean of all loops.
    var cost: Double { state.withLockedValue { $0.costs.reduce(0, +) / Double($0.costs.count) } }

    /// For each stream the loop that it is on.
    var loops: [String: Int] { state.withLockedValue { $0.admission.places.mapValues(\.loop) } }

    /// Streams, and the part of the loops' time that they take.
    var load: (streams: Int, load: Double) {
        state.withLockedValue { state in
            let busy = state.admission.places.values.reduce(0) { $0 + state.costs[$1.loop] }
            return (state.admission.count, busy / Double(state.costs.count))
        }
    }
}
