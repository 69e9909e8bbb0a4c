/// Memories of streams in fixed slots, and the list of those that have a new token.
@safe
struct StreamPool: ~Copyable, StreamGroup, @unchecked Sendable {
    private let memories: UnsafeMutablePointer<StreamMemory>
    private var isTaken: [Bool]
    private var isWaiting: [Bool]
    private var waiting: [Int]
    /// The waiting streams that the current forward pass computes.
    var current = 0..<0

    init(capacity: Int) {
        unsafe memories = .allocate(capacity: capacity)
        isTaken = Array(repeating: false, count: capacity)
        isWaiting = isTaken
        waiting = []
        waiting.reserveCapacity(capacity)
    }

    deinit {
        for slot in isTaken.indices where isTaken[slot] { unsafe (memories + slot).deinitialize(count: 1) }
        unsafe memories.deallocate()
    }

    mutating func join(_ memory: consuming StreamMemory) -> Int? {
        guard let slot = isTaken.firstIndex(of: false) else { return nil }
        unsafe (memories + slot).initialize(to: memory)
        isTaken[slot] = true
        return slot
    }

    mutating func leave(_ slot: Int) {
        precondition(isTaken[slot], "a stream leaves its own slot")
        unsafe (memories + slot).deinitialize(count: 1)
        isTaken[slot] = false
        isWaiting[slot] = false
        waiting.removeAll { $0 == slot }
    }

    subscript(slot: Int) -> StreamMemory {
        _read {
            precondition(isTaken[slot], "a slot is used by the stream that took it")
            yield unsafe memories[slot]
        }
        _modify {
            precondition(isTaken[slot], "a slot is used by the stream that took it")
            yield unsafe &memories[slot]
        }
    }

    func isReady(_ slot: Int) -> Bool { isWaiting[slot] }

    mutating func markReady(_ slot: Int) {
        isWaiting[slot] = true
        waiting.append(slot)
        current = 0..<waiting.count
    }

    mutating func clearReady() {
        for slot in waiting { isWaiting[slot] = false }
        waiting.removeAll(keepingCapacity: true)
        current = 0..<0
    }

    /// Returns the slot of the waiting stream `index`.
    func slot(_ index: Int) -> Int { waiting[index] }

    /// Number of waiting streams; during a forward pass, of those that it computes.
    var ready: Int { current.count }

    mutating func withMemory(_ index: Int, _ body: (inout StreamMemory) -> Void) {
        body(&self[waiting[current.lowerBound + index]])
    }
}
