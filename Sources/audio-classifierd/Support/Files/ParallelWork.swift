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
    ///   - work: called on several threads.
    ///   - deliver: called for one result at a time, in order.
    package static func run<Item: Sendable, Output: Sendable>(
        _ items: [Item], threads: Int, work: @Sendable (Item) -> Output, deliver: @Sendable (Item, Output) -> Void
    ) {
        let delivery = Mutex(Delivery<Output>())
        let cursor = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, items.count))) { _ in
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
