/// What a second of audio costs in seconds of a thread, measured while streams run. Pure: it is told the times.
package struct LoadMeter {
    /// Audio after which an old measurement counts for 1/e: long enough to smooth, short enough to follow the machine.
    private static let memory = 60.0

    private var busy: Double
    private var audio: Double

    /// - Parameter cost: seconds a second of audio, measured at start.
    package init(cost: Double) {
        audio = 1
        busy = cost
    }

    /// Seconds of a thread that a second of audio costs.
    package var cost: Double { busy / audio }

    /// Some audio was classified.
    package mutating func update(busy seconds: Double, audio classified: Double) {
        guard classified > 0 else { return }
        let kept = max(0, 1 - classified / Self.memory)
        busy = busy * kept + seconds
        audio = audio * kept + classified
    }
}
