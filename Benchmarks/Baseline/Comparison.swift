internal import Glibc

/// Times of several candidates, taken in turns in one process, so that disturbances of the machine meet all of them.
struct Comparison {
    private(set) var times: [[Double]]
    private let names: [String]

    /// - Parameter names: of the candidates.
    init(_ names: [String]) {
        self.names = names
        times = names.map { _ in [] }
    }

    /// Takes the time of `count` calls of each candidate, a few at a time.
    /// - Parameter body: called with the index of a candidate.
    mutating func run(count: Int, clock: Clock = .wall, _ body: (Int) throws -> Void) rethrows {
        // Enough calls for a stream to use all of its memory again.
        let (calls, warmUp) = (200, 50)
        for candidate in names.indices { times[candidate].reserveCapacity(count) }
        for round in 0..<(count + calls - 1) / calls + 1 {
            for candidate in names.indices {
                for _ in 0..<warmUp { try body(candidate) }
                for _ in 0..<calls {
                    let start = clock.now
                    try body(candidate)
                    let time = clock.now - start
                    if round > 0 { times[candidate].append(time) }
                }
            }
        }
        for candidate in names.indices { times[candidate].sort() }
    }

    /// Returns a quantile of a candidate's times, in nanoseconds.
    func quantile(_ share: Double, _ candidate: Int) -> Double {
        times[candidate][min(times[candidate].count - 1, Int(share * Double(times[candidate].count)))]
    }

    func median(_ candidate: Int) -> Double { quantile(0.5, candidate) }

    enum Clock {
        case wall
        /// Time of this thread on a processor, without that of other programs.
        case thread

        /// In nanoseconds.
        var now: Double {
            var time = timespec()
            unsafe clock_gettime(self == .wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
        }
    }
}
