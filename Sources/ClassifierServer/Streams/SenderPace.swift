/// Whether a client sends in real time: what one sends ahead of time has to wait, and that is no lateness. Pure: it is
/// told the times.
package struct SenderPace {
    /// Audio that may come at once, in seconds: blocks of a microphone.
    private static let slack = 0.25

    private var ahead = 0.0
    private var last: UInt64?

    package init() {}

    package var isRealTime: Bool { ahead <= Self.slack }

    /// So many seconds of audio came at `time`, in nanoseconds of a monotonic clock.
    package mutating func note(_ audio: Double, at time: UInt64) {
        let passed = Double(time - min(time, last ?? time)) * 1e-9
        ahead = max(0, ahead - passed) + audio
        last = time
    }
}
