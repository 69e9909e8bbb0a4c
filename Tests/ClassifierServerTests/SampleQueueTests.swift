internal import ClassifierServer
internal import TestSupport
internal import Testing

/// Samples leave a queue in order, and lost samples are counted at their position.
@Suite struct SampleQueueTests {
    /// Gaps of a client add up, however many it sends.
    @Test func gapsDoNotOverflow() {
        var queue = SampleQueue(limit: 10)
        for _ in 0..<3 { queue.lose(.max) }
        guard case .gap(.max)? = queue.first else {
            Issue.record("the gap is \(String(describing: queue.first))")
            return
        }
    }

    /// Empties the queue, a few samples at a time.
    private func drain(_ queue: inout SampleQueue, step: Int = 3) -> (samples: [Float], gaps: [Int: Int64]) {
        var samples: [Float] = []
        var gaps: [Int: Int64] = [:]
        while let piece = queue.first {
            switch piece {
            case .gap(let lost):
                gaps[samples.count, default: 0] += lost
                queue.consume(0)
            case .samples(let values, _):
                let end = min(queue.offset + step, values.count)
                samples += values[queue.offset..<end]
                queue.consume(end - queue.offset)
            }
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
            queue.append(values, arrived: 0)
            #expect(queue.isFull == (queue.count >= 50))
            if queue.isFull { seen += drain(&queue).samples }
        }
        seen += drain(&queue).samples
        #expect(seen == expected && queue.isEmpty && queue.count == 0)
    }

    @Test func lossIsCountedAtItsPosition() {
        var queue = SampleQueue(limit: 10)
        let lost = (1...3).map { queue.offer([Float](repeating: Float($0), count: 8), arrived: 0) }
        #expect(lost == [0, 6, 8])
        let (samples, gaps) = drain(&queue)
        #expect(samples == [Float](repeating: 1, count: 8) + [2, 2])
        #expect(gaps == [10: 14], "consecutive losses are one gap")
        _ = queue.offer([4], arrived: 0)
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
                _ = queue.offer((0..<count).map { Float(sent + Int64($0)) }, arrived: 0)
                sent += Int64(count)
                guard random.integer(in: 0...2) == 0 else { continue }
                while let piece = queue.first {
                    switch piece {
                    case .gap(let lost): position += lost
                    case .samples(let values, _):
                        #expect(values[queue.offset] == Float(position))
                        position += 1
                    }
                    queue.consume(1)
                }
                #expect(position == sent)
            }
        }
    }
}
