package import AudioClassifier
internal import Dispatch
internal import Synchronization

/// Does the same work for many items on all cores, and hands over each result in the items' order as soon as possible.
package enum ParallelWork {
    private struct Delivery<Output: Sendable>: Sendable {
        var waiting: [Int: Output] = [:]
        var next = 0
    }

    /// - Parameters:
    ///   - threads: the largest number of threads.
    ///   - spare: gets the threads for which there is no item, or no further one.
    ///   - work: called on several threads.
    ///   - deliver: called for one result at a time, in order.
    package static func run<Item: Sendable, Output: Sendable>(
        _ items: [Item], threads: Int, spare: SpareThreads? = nil, work: @Sendable (Item) -> Output,
        deliver: @Sendable (Item, Output) -> Void
    ) {
        let delivery = Mutex(Delivery<Output>())
        let cursor = Atomic<Int>(0)
        let own = max(1, min(threads, items.count))
        for _ in own..<max(own, threads) { spare?.add() }
        DispatchQueue.concurrentPerform(iterations: own) { _ in
            defer { spare?.add() }
            while true {
                let index = cursor.add(1, ordering: .relaxed).oldValue
                guard index < items.count else { return }
                let output = work(items[index])
                delivery.withLock { delivery in
                    delivery.waiting[index] = output
                    while let ready = delivery.waiting.removeValue(forKey: delivery.next) {
                        deliver(items[delivery.next], ready)
                        delivery.next += 1
                    }
                }
            }
        }
    }
}
