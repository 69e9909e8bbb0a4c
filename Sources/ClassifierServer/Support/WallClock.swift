internal import Glibc

/// The time of day. It is added to what leaves the service, and no result depends on it.
enum WallClock {
    /// Seconds since 1970.
    static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
