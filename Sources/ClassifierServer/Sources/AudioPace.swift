/// How fast a source that calls itself live may be: real time and a little more, after some seconds at any speed. Who
/// is faster waits in its pipe, where a flood costs nothing. Pure: it is told the time.
package struct AudioPace {
    /// Seconds of audio a second: clocks of sound cards differ by less, and what was held up can catch up.
    package static let speed = 1.25

    private let burst: Double
    private var allowance: Double
    private var updated: Double

    /// - Parameter burst: seconds of audio that may come at once.
    package init(burst: Double, at time: Double) {
        self.burst = burst
        allowance = burst
        updated = time
    }

    /// Some seconds of audio have come.
    /// - Returns: seconds to wait before the next.
    package mutating func take(_ seconds: Double, at time: Double) -> Double {
        allowance = min(burst, allowance + max(0, time - updated) * Self.speed) - seconds
        updated = time
        return max(0, -allowance / Self.speed)
    }
}
