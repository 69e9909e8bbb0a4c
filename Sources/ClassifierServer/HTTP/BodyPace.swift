/// How long the body of a request may take. It must come at a least rate, and a client may be silent only for a while.
/// A pure value: callers pass the times, in seconds of a monotonic clock.
///
/// Bytes buy time by the least rate, but never more than the longest silence from now on: a client that has sent much
/// and then sends nothing, or a byte now and then, has no more time than another one. Time in which the service itself
/// does not read is not the client's.
package struct BodyPace: Sendable {
    /// Least rate in bytes a second.
    package static let leastRate = 16384.0

    /// Longest silence.
    private let limit: Double
    /// Time at which the body is late if no more of it comes and the service goes on reading.
    package private(set) var deadline: Double
    /// Time since which the service does not read; nil while it does.
    private var stopped: Double?

    /// The pace of a body whose request begins now.
    /// - Parameter limit: longest silence in seconds.
    package init(limit: Double, at time: Double) {
        self.limit = limit
        deadline = time + limit
    }

    /// Whether the service does not read.
    package var isStopped: Bool { stopped != nil }

    /// Notes that bytes have come.
    package mutating func receive(_ count: Int, at time: Double) {
        resume(at: time)
        deadline = min(deadline + Double(count) / Self.leastRate, time + limit)
    }

    /// Notes that the service reads no more for now.
    package mutating func stop(at time: Double) { stopped = stopped ?? time }

    /// Notes that the service reads again.
    package mutating func resume(at time: Double) {
        guard let since = stopped else { return }
        deadline += time - since
        stopped = nil
    }
}
