/// Memories of streams at fixed places, and which of them have a new token.
@safe
struct StreamPool: ~Copyable, StreamGroup, @unchecked Sendable {
    private let memories: UnsafeMutablePointer<StreamMemory>
    private var isTaken: [Bool]
    private var isWaiting: [Bool]
    private var waiting: [Int]
    /// The part of the waiting streams that a forward pass is about.
    var current = 0..<0

    init(capacity: Int) {
        unsafe memories = .allocate(capacity: capacity)
        isTaken = Array(repeating: false, count: capacity)
        isWaiting = isTaken
        waiting = []
        waiting.reserveCapacity(capacity)
    }

    deinit {
        for place in isTaken.indices where isTaken[place] { unsafe (memories + place).deinitialize(count: 1) }
        unsafe memories.deallocate()
    }

    mutating func join(_ memory: consuming StreamMemory) -> Int? {
        guard let place = isTaken.firstIndex(of: false) else { return nil }
        unsafe (memories + place).initialize(to: memory)
        isTaken[place] = true
        return place
    }

    mutating func leave(_ place: Int) {
        precondition(isTaken[place], "a stream leaves the place that it joined")
        unsafe (memories + place).deinitialize(count: 1)
        isTaken[place] = false
        isWaiting[place] = false
        waiting.removeAll { $0 == place }
    }

    subscript(place: Int) -> StreamMemory {
        _read {
            precondition(isTaken[place], "a place is used by the stream that joined it")
            yield unsafe memories[place]
        }
        _modify {
            precondition(isTaken[place], "a place is used by the stream that joined it")
            yield unsafe &memories[place]
        }
    }

    func isReady(_ place: Int) -> Bool { isWaiting[place] }

    mutating func markReady(_ place: Int) {
        isWaiting[place] = true
        waiting.append(place)
        current = 0..<waiting.count
    }

    mutating func clearReady() {
        for place in waiting { isWaiting[place] = false }
        waiting.removeAll(keepingCapacity: true)
        current = 0..<0
    }

    /// The place of the waiting stream `index`.
    func place(_ index: Int) -> Int { waiting[index] }

    // How many streams wait in all, and, during a forward pass, those that it is about.
    var ready: Int { current.count }

    mutating func withMemory(_ index: Int, _ body: (inout StreamMemory) -> Void) {
        body(&self[waiting[current.lowerBound + index]])
    }
}
