internal import ClassifierServer
internal import TestSupport
internal import Testing

/// Samples leave a queue in order, and lost samples are counted at their position.
@Suite struct SampleQueueTests {
    /// Removes at most `step` samples of the first piece, or a gap.
    private func take(_ queue: inout SampleQueue, step: Int) -> (samples: [Float], gap: Int64) {
        switch queue.first {
        case .gap(let lost):
            queue.consume(0)
            return ([], lost)
        case .samples(let count, _):
            let count = min(step, count)
            let samples = Array(queue.storage[queue.head..<queue.head + count])
            queue.consume(count)
            return (samples, 0)
        case nil: return ([], 0)
        }
    }

    /// Empties the queue, a few samples at a time.
    private func drain(_ queue: inout SampleQueue, step: Int = 3) -> (samples: [Float], gaps: [Int: Int64]) {
        var samples: [Float] = []
        var gaps: [Int: Int64] = [:]
        while !queue.isEmpty {
            let (new, gap) = take(&queue, step: step)
            samples += new
            if gap > 0 { gaps[samples.count, default: 0] += gap }
        }
        return (samples, gaps)
    }

    @Test func waitingSendersLoseNothing() {
        var random = SplitMix64(seed: 1)
        var queue = SampleQueue(limit: 50)
        var expected: [Float] = []
        var seen: [Float] = []
        for _ in 0..<200 {
            let count = random.integer(in: 0...40)
            let values = (0..<count).map { Float(expected.count + $0) }
            expected += values
            queue.append(values.span, arrived: 0)
            #expect(queue.isFull == (queue.count >= 50))
            if queue.isFull { seen += drain(&queue).samples }
        }
        seen += drain(&queue).samples
        #expect(seen == expected && queue.isEmpty && queue.count == 0)
    }

    @Test func lossIsCountedAtItsPosition() {
        var queue = SampleQueue(limit: 10)
        let lost = (1...3).map { queue.offer([Float](repeating: Float($0), count: 8).span, arrived: 0) }
        #expect(lost == [0, 6, 8])
        let (samples, gaps) = drain(&queue)
        #expect(samples == [Float](repeating: 1, count: 8) + [2, 2])
        #expect(gaps == [10: 14], "consecutive losses are one gap")
        let value: [Float] = [4]
        _ = queue.offer(value.span, arrived: 0)
        let rest = drain(&queue).samples
        #expect(rest == [4])
    }

    /// Every sample is either in the queue or in a gap, in order, for all sizes.
    @Test func samplesAndGapsMakeUpTheWhole() {
        var random = SplitMix64(seed: 2)
        for limit in [1, 7, 64] {
            var queue = SampleQueue(limit: limit)
            var sent: Int64 = 0
            var position: Int64 = 0
            for _ in 0..<300 {
                let count = random.integer(in: 0...20)
                let values = (0..<count).map { Float(sent + Int64($0)) }
                _ = queue.offer(values.span, arrived: 0)
                sent += Int64(count)
                guard random.integer(in: 0...2) == 0 else { continue }
                while !queue.isEmpty {
                    let (samples, gap) = take(&queue, step: 1)
                    if let sample = samples.first { #expect(sample == Float(position)) }
                    position += gap + Int64(samples.count)
                }
                #expect(position == sent)
            }
        }
    }

    /// Gaps add up without an overflow.
    @Test func gapsSaturate() {
        var queue = SampleQueue(limit: 10)
        for _ in 0..<3 { queue.lose(.max - 1) }
        #expect(queue.first == .gap(.max))
        queue.consume(0)
        #expect(queue.isEmpty)
    }

    /// A long stream of short messages, half of them read at once, keeps the room of its longest wait.
    @Test func usedRoomIsUsedAgain() {
        var queue = SampleQueue(limit: 1000)
        let one: [Float] = [1]
        var most = 0
        for _ in 0..<100_000 {
            for _ in 0..<2 { queue.append(one.span, arrived: 0) }
            queue.lose(1)
            while queue.count > 500 { _ = take(&queue, step: 1) }
            most = max(most, queue.storage.count)
        }
        #expect(most < 1100)
    }
}
