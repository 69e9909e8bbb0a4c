internal import AudioClassifier
internal import StrictCoding

/// The reason why the service does not accept a stream or a request.
package struct AdmissionRefusal: Error, Equatable {
    /// Raw values are codes in records and answers, and labels of a metric.
    package enum Reason: String, Sendable, CaseIterable {
        case capacity, streams, client, watchers, duplicate, stopping, request, model
    }

    package let reason: Reason
    package let message: String
    /// Seconds after which another try may succeed.
    package var retryAfter: Int?

    static var stopping: Self {
        Self(reason: .stopping, message: "the service is stopping; connect again", retryAfter: 5)
    }
}

/// Decides whether another stream fits, and on which loop. A pure value: callers pass the costs of streams.
package struct Admission {
    /// A running stream's loop and client.
    package struct Assignment: Equatable {
        package let loop: Int
        package let client: String
    }

    /// Share of a thread's time by which a connection's own loop may be busier than the least busy one. A stream on
    /// another loop costs two wake-ups of threads for each block.
    private static let tolerance = 0.05

    package let limit: Int
    package let limitPerClient: Int
    /// The largest share of a loop's time that streams may use.
    package let load: Double
    /// Number of processors that the process may use.
    package let processors: Int
    /// Running streams by name.
    package private(set) var assignments: [String: Assignment] = [:]
    private var counts: [Int]
    private var clients: [String: Int] = [:]
    package private(set) var isStopping = false

    package init(loops: Int, limit: Int, limitPerClient: Int, load: Double, processors: Int = .max) {
        self.limit = limit
        self.limitPerClient = limitPerClient
        self.load = load
        self.processors = processors
        counts = Array(repeating: 0, count: loops)
    }

    package var count: Int { assignments.count }

    /// Admits the stream `id`, if it fits.
    /// - Parameters:
    ///   - near: index of the loop on the connection's thread.
    ///   - cost: for each loop, seconds of its thread's processor time per second of the stream's audio.
    ///   - busy: for each loop, the share of its time that running streams use; nil if each of them costs as much as
    ///     this stream.
    ///   - overhead: processor seconds per second of audio outside the loops.
    ///   - lateness: the largest recent delay of a prediction in seconds, if too many predictions were late.
    /// - Returns: the index of the loop with the most time left, or the near loop if it has at most a twentieth of a
    ///   thread's time, or half a stream's, less.
    package mutating func admit(
        _ id: String, client: String, near: Int? = nil, cost: [Double], busy: [Double]? = nil, overhead: Double = 0,
        lateness: Double? = nil
    ) throws(AdmissionRefusal) -> Int {
        guard !isStopping else {
            throw AdmissionRefusal.stopping
        }
        guard assignments[id] == nil else {
            throw AdmissionRefusal(
                reason: .duplicate, message: "the stream \"\(id)\" is running already; end it or choose another name",
                retryAfter: 5)
        }
        guard assignments.count < limit else {
            throw AdmissionRefusal(
                reason: .streams, message: "there are \(assignments.count) streams, and limits.streams is \(limit)",
                retryAfter: 10)
        }
        guard clients[client, default: 0] < limitPerClient else {
            throw AdmissionRefusal(
                reason: .client,
                message: "this client has \(limitPerClient) streams, the limit of limits.streams_per_client",
                retryAfter: 10)
        }
        // Running streams come first, even if by its cost another one would fit.
        if let lateness {
            throw AdmissionRefusal(
                reason: .capacity,
                message:
                    "predictions are up to \(Decimal.text(lateness * 1000, 0)) ms late, more than capacity.latency_ms; "
                    + "this machine cannot process another stream in real time",
                retryAfter: 5)
        }
        let busy = busy ?? zip(counts, cost).map { Double($0) * $1 }
        let inference = busy.reduce(0, +) + cost.reduce(0, +) / Double(max(1, cost.count))
        let processLoad = (inference + Double(assignments.count + 1) * overhead) / Double(processors)
        let after = zip(busy, cost).map { $0 + $1 }
        let least = after.indices.min { after[$0] < after[$1] }
        let isNear =
            near.map {
                after[$0] - max(cost[$0] / 2, Self.tolerance) < after[least ?? $0] && after[$0] <= load
            } ?? false
        guard let loop = isNear ? near : least, max(after[loop], processLoad) <= load else {
            let percent = Decimal.text(max(after.min() ?? 0, processLoad) * 100, 0)
            throw AdmissionRefusal(
                reason: .capacity,
                message:
                    "another stream would take the load to \(percent) %, "
                    + "and capacity.load allows \(Decimal.text(load * 100, 0)) %",
                retryAfter: 10)
        }
        assignments[id] = Assignment(loop: loop, client: client)
        counts[loop] += 1
        clients[client, default: 0] += 1
        return loop
    }

    /// Removes the stream `id`, which has ended.
    package mutating func release(_ id: String) {
        guard let assignment = assignments.removeValue(forKey: id) else { return }
        counts[assignment.loop] -= 1
        clients[assignment.client, default: 1] -= 1
        if clients[assignment.client] == 0 { clients[assignment.client] = nil }
    }

    /// Refuses all further streams.
    package mutating func stop() { isStopping = true }
}
