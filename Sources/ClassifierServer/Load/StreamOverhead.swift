/// The cost of a second of audio outside inference, in processor seconds: sockets, decoding and lines. A pure value:
/// callers pass the processor time that was used.
package struct StreamOverhead {
    /// The estimate before the first measurement.
    package static let assumed = 0.002
    /// Seconds of audio at the assumed cost that are mixed into each measurement. Without them, other work of the
    /// process would be charged to a few streams alone.
    private static let inertia = 10.0
    /// Number of measurements that are kept: half a minute.
    private static let kept = 30
    /// The place of the estimate among the kept measurements, from the smallest. A client that floods the service with
    /// other things than audio takes the time that streams leave. The measurements of these seconds are large, and must
    /// not make the service refuse other clients. The smallest two may be errors of the clocks.
    private static let place = 2

    /// Processor seconds per second of audio.
    package private(set) var value = assumed
    /// The last measurements, oldest first.
    private var measurements = Array(repeating: assumed, count: kept)

    package init() {}

    /// Adds a measurement over about a second: processor seconds of the process, those of the loops' inference, seconds
    /// of audio.
    package mutating func update(processor seconds: Double, inference: Double, audio: Double) {
        let measured = (Self.assumed * Self.inertia + seconds - inference) / (Self.inertia + audio)
        measurements = measurements.suffix(Self.kept - 1) + [measured]
        value = measurements.sorted()[Self.place]
    }
}
