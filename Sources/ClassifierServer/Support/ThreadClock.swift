internal import Glibc

/// The processor time of the calling thread. Pauses of the process and other threads do not count.
enum ThreadClock {
    /// Seconds since the thread began.
    static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
