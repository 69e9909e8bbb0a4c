/// What a second of audio costs the whole process beside inference, in processor seconds: sockets, decoding and lines. Pure:
/// it is told what was used.
package struct StreamOverhead {
    /// What moving blocks of audio and lines costs, until it has been measured.
    package static let assumed = 0.002
    /// Of each measurement, audio that is taken to have cost what was known before: of a few streams alone, what the
    /// process does besides would look like theirs.
    private static let inertia = 10.0
    /// The weight of a measurement.
    private static let weight = 0.2

    /// Processor seconds of a second of audio. Below 0 where threads wait for a processor while they classify, for then
    /// inference seems to cost more than it does.
    package private(set) var value = assumed

    package init() {}

    /// In about a second, so much audio was classified with so much of the processors, of which inference had its part.
    package mutating func update(processor seconds: Double, inference: Double, audio: Double) {
        let measured = (Self.assumed * Self.inertia + seconds - inference) / (Self.inertia + audio)
        value += Self.weight * (measured - value)
    }
}
