internal import NIOCore

/// The clock that never jumps, for time-outs, rates and measurements.
enum MonotonicClock {
    /// Seconds since an arbitrary moment.
    static func now() -> Double { Double(NIODeadline.now().uptimeNanoseconds) * 1e-9 }
}
