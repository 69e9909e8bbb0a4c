/// What a second of audio costs in processor seconds of the whole process: sockets, decoding and lines beside inference.
/// Pure: it is told what was used.
package struct StreamCost {
    /// What moving blocks of audio and lines costs beside inference, until it has been measured.
    package static let assumedOverhead = 0.002
    /// Of each measurement, audio that is taken to have cost what was known before: of a few streams alone, what the
    /// process does besides would look like theirs.
    private static let inertia = 10.0
    /// The weight of a measurement.
    private static let weight = 0.2

    private let assumed: Double
    /// Processor seconds of a second of audio.
    package private(set) var value: Double

    /// - Parameter inference: measured at start.
    package init(inference: Double) {
        assumed = inference + Self.assumedOverhead
        value = assumed
    }

    /// In about a second, so much audio was classified with so much of the processors.
    package mutating func update(processor seconds: Double, audio: Double) {
        let measured = (assumed * Self.inertia + seconds) / (Self.inertia + audio)
        value += Self.weight * (measured - value)
    }
}
