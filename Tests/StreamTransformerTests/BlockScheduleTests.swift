internal import StreamTransformer
internal import TestSupport
internal import Testing

/// Runs the schedule with sets of tokens instead of aggregates. At every token the three aggregates of attention cover
/// exactly the window, each token once.
@Suite struct BlockScheduleTests {
    /// The tokens of an aggregate: ranges in order, joined if they touch.
    private struct Cover: Equatable {
        private(set) var ranges: [Range<Int64>] = []
        /// Whether no token was added twice.
        private(set) var isDisjoint = true

        init() {}
        init(_ range: Range<Int64>) { ranges = range.isEmpty ? [] : [range] }

        mutating func take(_ other: Cover) {
            var joined: [Range<Int64>] = []
            for range in (ranges + other.ranges).sorted(by: { $0.lowerBound < $1.lowerBound }) {
                guard let last = joined.last, last.upperBound >= range.lowerBound else {
                    joined.append(range)
                    continue
                }
                if last.upperBound > range.lowerBound { isDisjoint = false }
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            }
            ranges = joined
            isDisjoint = isDisjoint && other.isDisjoint
        }

        mutating func take(_ token: Int64) { take(Cover(token..<token + 1)) }
    }

    /// The operations of ``SlidingSums`` on covers instead of buffers, and their number in the newest step.
    private struct Simulation {
        let schedule: BlockSchedule
        var suffixes: [Cover]
        var totals: [Cover]
        var middle = Cover()
        var newest = Cover()
        var nextMiddle = Cover()
        var inserts = 0
        var combines = 0
        /// The first failure, if any.
        var problem: String?

        init(window: Int) {
            schedule = BlockSchedule(window: window)
            suffixes = [Cover](repeating: Cover(), count: schedule.block)
            totals = [Cover](repeating: Cover(), count: schedule.blocks)
        }

        /// - Returns: the cover of attention at token `t`.
        mutating func step(_ t: Int64) -> Cover {
            let plan = schedule.plan(t)
            let b = Int64(schedule.block)
            (inserts, combines) = (0, 0)
            if let slot = plan.completedBlock {
                totals[slot] = newest
                middle.take(newest)
                combines += 1
                if plan.completedForNext {
                    nextMiddle.take(newest)
                    combines += 1
                }
                newest = Cover()
            }
            newest.take(t)
            inserts += 1
            if plan.startsPhase {
                middle = nextMiddle
                nextMiddle = Cover()
            }
            var attended = suffixes[plan.suffix]
            attended.take(middle)
            attended.take(newest)
            for block in plan.middleBlocks {
                let total = totals[schedule.slot(block)]
                if total != Cover(block * b..<(block + 1) * b) {
                    problem = "block \(block) is no longer kept at token \(t)"
                }
                nextMiddle.take(total)
                combines += 1
            }
            guard let next = plan.suffixToken else {
                suffixes[plan.suffix] = Cover()
                return attended
            }
            if next > t || next <= t - Int64(schedule.window) { problem = "token \(next) is not in the window of \(t)" }
            var suffix = plan.startsSuffix ? Cover() : suffixes[plan.previousSuffix]
            suffix.take(next)
            inserts += 1
            suffixes[plan.suffix] = suffix
            return attended
        }
    }

    @Test(arguments: Array(2...40) + TestScale.choose([63, 64, 65, 120, 121, 480, 1920, 12000], reduced: [120]))
    func aggregatesCoverTheWindow(_ window: Int) throws {
        var simulation = Simulation(window: window)
        var (mostCombines, mostInserts) = (0, 0)
        for t in 0..<Int64(max(4 * window + 50, 400)) {
            let attended = simulation.step(t)
            let expected = Cover(max(0, t - Int64(window) + 1)..<t + 1)
            try #require(attended == expected, "window \(window), token \(t): attended \(attended)")
            try #require(simulation.problem == nil)
            mostCombines = max(mostCombines, simulation.combines)
            mostInserts = max(mostInserts, simulation.inserts)
        }
        // A completed block joins two aggregates, and each step adds one block to the next phase's middle.
        #expect(mostInserts <= 2 && mostCombines <= 3, "the work of a step does not grow with the window")
    }

    /// The number of blocks and of their tokens is about the square root of the window.
    @Test(arguments: Array(2...40) + [120, 480, 12000]) func memoryIsSmall(_ window: Int) {
        let schedule = BlockSchedule(window: window)
        #expect(schedule.block >= 1 && 2 * schedule.block <= window)
        #expect(Double(schedule.block + schedule.blocks) <= 2 * Double(window).squareRoot() + 6)
    }

    /// The plan is periodic, so that a stream can have any length.
    @Test(arguments: [2, 3, 5, 25, 120] + TestScale.choose([12000], reduced: [])) func plansArePeriodic(_ window: Int) {
        let schedule = BlockSchedule(window: window)
        let b = Int64(schedule.block)
        // Suffixes alternate between even and odd blocks; complete blocks are in a ring of slots.
        let period = 2 * b * Int64(schedule.blocks)
        let shift = (Int64(1) << 50) / period * period
        for t in Int64(window) + 2 * b..<Int64(window) + 2 * b + 2 * period {
            var expected = schedule.plan(t)
            expected.suffixToken = expected.suffixToken.map { $0 + shift }
            let blocks = expected.middleBlocks
            expected.middleBlocks = blocks.lowerBound + shift / b..<blocks.upperBound + shift / b
            let plan = schedule.plan(t + shift)
            guard plan == expected else {
                Issue.record("window \(window), token \(t) + \(shift): \(plan), expected \(expected)")
                return
            }
        }
    }
}
