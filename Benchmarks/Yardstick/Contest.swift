internal import Glibc

/// Times of several contestants, taken in turns in one process: what disturbs the machine disturbs them all.
struct Contest {
    private(set) var times: [[Double]]
    private let names: [String]

    /// - Parameter names: of the contestants.
    init(_ names: [String]) {
        self.names = names
        times = names.map { _ in [] }
    }

    /// Takes the time of `count` calls of each contestant, a few at a time.
    /// - Parameter body: called with a contestant's place.
    mutating func run(count: Int, clock: Clock = .wall, _ body: (Int) throws -> Void) rethrows {
        // Long enough for a stream to come to all of its memory again.
        let (turn, warmUp) = (200, 50)
        for place in names.indices { times[place].reserveCapacity(count) }
        for round in 0..<(count + turn - 1) / turn + 1 {
            for place in names.indices {
                for _ in 0..<warmUp { try body(place) }
                for _ in 0..<turn {
                    let start = clock.now
                    try body(place)
                    let time = clock.now - start
                    if round > 0 { times[place].append(time) }
                }
            }
        }
        for place in names.indices { times[place].sort() }
    }

    /// In nanoseconds.
    func quantile(_ share: Double, _ place: Int) -> Double {
        times[place][min(times[place].count - 1, Int(share * Double(times[place].count)))]
    }

    func median(_ place: Int) -> Double { quantile(0.5, place) }

    enum Clock {
        case wall
        /// Time of this thread on a processor: without the time that other programs take.
        case thread

        /// In nanoseconds.
        var now: Double {
            var time = timespec()
            unsafe clock_gettime(self == .wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
        }
    }
}
