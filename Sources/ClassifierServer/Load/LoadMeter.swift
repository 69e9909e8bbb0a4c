/// The cost of a second of audio in seconds of processor time of a thread, measured while streams run. A pure value:
/// callers pass the times.
package struct LoadMeter {
    /// Seconds of audio after which a measurement's weight has fallen to 1/e.
    private static let memory = 60.0

    private var busy: Double
    private var audio: Double

    /// - Parameter cost: the first estimate, which counts as much as a second of audio.
    package init(cost: Double) {
        audio = 1
        busy = cost
    }

    /// Seconds of a thread's processor time per second of audio.
    package var cost: Double { busy / audio }

    /// Adds a measurement: seconds of the thread's processor time for seconds of audio.
    package mutating func update(busy seconds: Double, audio classified: Double) {
        guard classified > 0 else { return }
        let kept = max(0, 1 - classified / Self.memory)
        busy = busy * kept + seconds
        audio = audio * kept + classified
    }
}
