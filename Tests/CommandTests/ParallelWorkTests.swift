internal import Glibc
internal import Synchronization
internal import TestSupport
internal import Testing
internal import audio_classifierd

@Suite struct ParallelWorkTests {
    /// Every item is delivered once and in order, for all durations of work and all numbers of threads.
    @Test(arguments: [1, 2, 3, 8, 100])
    func deliversInOrder(threads: Int) {
        let items = Array(0..<60)
        let delivered = Mutex<[Int]>([])
        let worked = Atomic<Int>(0)
        ParallelWork.run(items, threads: threads) { item -> Int in
            var random = SplitMix64(seed: UInt64(item))
            usleep(UInt32(random.integer(in: 0...3000)))
            worked.add(1, ordering: .relaxed)
            return item * item
        } deliver: { item, output in
            #expect(output == item * item)
            delivered.withLock { $0.append(item) }
        }
        #expect(delivered.withLock { $0 } == items)
        #expect(worked.load(ordering: .relaxed) == items.count)
    }

    @Test func deliversAsSoonAsItIsComplete() {
        let delivered = Atomic<Int>(0)
        ParallelWork.run(Array(0..<10), threads: 1) { item in
            // One thread works and delivers alternately: all earlier results are delivered.
            #expect(delivered.load(ordering: .relaxed) == item)
        } deliver: { _, _ in
            delivered.add(1, ordering: .relaxed)
        }
    }

    @Test func nothingToDo() {
        ParallelWork.run([Int](), threads: 4) { _ in
            0
        } deliver: { _, _ in
            Issue.record("there was no item")
        }
    }
}
