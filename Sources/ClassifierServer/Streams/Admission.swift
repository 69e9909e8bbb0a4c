internal import AudioClassifier
internal import StrictCoding

/// Why a stream is not taken.
package struct Refusal: Error, Equatable {
    package enum Reason: String, Sendable {
        case capacity, streams, client, duplicate, stopping, request, model
    }

    package let reason: Reason
    package let message: String
    /// When it may be worth another try, in seconds.
    package var retryAfter: Int?
}

/// Which streams there are, on which loop each one is, and whether another one fits. Pure: it is told what streams
/// cost.
package struct Admission {
    package struct Place: Equatable {
        package let loop: Int
        package let client: String
    }

    package let limit: Int
    package let limitPerClient: Int
    /// The part of a loop's time that streams may take.
    package let load: Double
    /// Processors that the process may use.
    package let processors: Int
    package private(set) var places: [String: Place] = [:]
    private var counts: [Int]
    private var clients: [String: Int] = [:]
    private var isStopping = false

    package init(loops: Int, limit: Int, limitPerClient: Int, load: Double, processors: Int = .max) {
        self.limit = limit
        self.limitPerClient = limitPerClient
        self.load = load
        self.processors = processors
        counts = Array(repeating: 0, count: loops)
    }

    package var count: Int { places.count }

    /// Takes the stream `id`, if it can be held.
    /// - Parameters:
    ///   - near: the loop whose thread has the connection.
    ///   - cost: for each loop, seconds of its thread that a second of the stream's audio costs.
    ///   - busy: for each loop, what the streams that there are take of its time; nil where each of them costs what this one
    ///     does.
    ///   - overhead: processor seconds that a second of audio costs the process beside that.
    ///   - lateness: seconds that predictions were late of late, where they were later than they may be.
    /// - Returns: the loop that has the most time left; the near one, where that is less than
    ///   half a stream behind.
    package mutating func admit(
        _ id: String, client: String, near: Int? = nil, cost: [Double], busy: [Double]? = nil, overhead: Double = 0,
        lateness: Double? = nil
    ) throws(Refusal) -> Int {
        guard !isStopping else {
            throw Refusal(reason: .stopping, message: "the service is stopping; connect again", retryAfter: 5)
        }
        guard places[id] == nil else {
            throw Refusal(
                reason: .duplicate, message: "there is a stream \"\(id)\" already; end it or choose another name",
                retryAfter: 5)
        }
        guard places.count < limit else {
            throw Refusal(
                reason: .streams, message: "there are \(places.count) streams, and limits.streams is \(limit)",
                retryAfter: 10)
        }
        guard clients[client, default: 0] < limitPerClient else {
            throw Refusal(
                reason: .client,
                message: "this client has \(limitPerClient) streams, as limits.streams_per_client allows",
                retryAfter: 10)
        }
        // Whatever the costs say: the streams that there are come first.
        if let lateness {
            throw Refusal(
                reason: .capacity,
                message:
                    "predictions are up to \(Decimal.text(lateness * 1000, 0)) ms late, more than capacity.latency_ms; this machine has no room for another stream",
                retryAfter: 5)
        }
        let busy = busy ?? zip(counts, cost).map { Double($0) * $1 }
        let inference = busy.reduce(0, +) + cost.reduce(0, +) / Double(max(1, cost.count))
        let processLoad = (inference + Double(places.count + 1) * overhead) / Double(processors)
        let after = zip(busy, cost).map { $0 + $1 }
        let least = after.indices.min { after[$0] < after[$1] }
        let isNear = near.map { after[$0] - cost[$0] / 2 < after[least ?? $0] && after[$0] <= load } ?? false
        guard let loop = isNear ? near : least, max(after[loop], processLoad) <= load else {
            let percent = Decimal.text(max(after.min() ?? 0, processLoad) * 100, 0)
            throw Refusal(
                reason: .capacity,
                message:
                    "another stream would take the load to \(percent) %, and capacity.load allows \(Decimal.text(load * 100, 0)) %",
                retryAfter: 10)
        }
        places[id] = Place(loop: loop, client: client)
        counts[loop] += 1
        clients[client, default: 0] += 1
        return loop
    }

    /// The stream `id` has ended.
    package mutating func release(_ id: String) {
        guard let place = places.removeValue(forKey: id) else { return }
        counts[place.loop] -= 1
        clients[place.client, default: 1] -= 1
        if clients[place.client] == 0 { clients[place.client] = nil }
    }

    /// No further stream is taken.
    package mutating func stop() { isStopping = true }
}
