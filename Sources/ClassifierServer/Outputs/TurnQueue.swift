internal import NIOCore

/// Elements of many streams that wait for one output. Streams take turns, so that one with many elements does not delay
/// those of others. The elements of a stream keep their order. A pure value.
struct TurnQueue<Element: Sendable>: Sendable {
    /// The elements of each stream that has any, the oldest first.
    private var rows: [String: CircularBuffer<Element>] = [:]
    /// Streams that have elements, in the order of their turns.
    private var turns = CircularBuffer<String>()
    /// Streams by their number of elements.
    private var bySize: [Int: Set<String>] = [:]
    /// The largest number of elements of a stream.
    private var most = 0
    /// Number of all elements.
    private(set) var count = 0

    /// All elements, those of a stream in their order.
    var elements: [Element] { turns.flatMap { stream in rows[stream].map { Array($0) } ?? [] } }

    /// Streams that have elements, in the order of their turns.
    var streams: some Sequence<String> { turns }

    /// The stream that has its turn.
    var nextStream: String? { turns.first }

    /// The oldest element of the stream that has its turn.
    var next: Element? { nextStream.flatMap { first(of: $0) } }

    /// Returns the oldest element of a stream.
    func first(of stream: String) -> Element? { rows[stream]?.first }

    /// Returns the number of elements of a stream.
    func count(of stream: String) -> Int { rows[stream]?.count ?? 0 }

    /// Returns the stream that loses an element if a full queue gets another one of a stream: this stream if none would
    /// have more than it, else one of those that have most.
    func largest(beside stream: String) -> String {
        // Invariant: elements are counted one by one.
        if count(of: stream) + 1 >= most { return stream }
        return bySize[most]?.first ?? stream
    }

    /// Adds an element. The first one of a stream gets the last turn.
    mutating func append(_ element: Element, of stream: String) {
        rows[stream, default: CircularBuffer()].append(element)
        if noteAdded(stream) { turns.append(stream) }
    }

    /// Adds an element before all others of its stream, which gets the first turn.
    mutating func prepend(_ element: Element, of stream: String) {
        rows[stream, default: CircularBuffer()].prepend(element)
        if !noteAdded(stream) { removeTurn(stream) }
        turns.prepend(stream)
    }

    /// Removes the oldest element of a stream, whose next turn comes after those of all others.
    mutating func take(of stream: String) -> Element? {
        guard let element = removeFirst(of: stream) else { return nil }
        if rows[stream] != nil { postpone(stream) }
        return element
    }

    /// Removes the oldest element of a stream, which keeps its turn.
    mutating func removeFirst(of stream: String) -> Element? {
        guard let element = rows[stream]?.popFirst() else { return nil }
        noteRemoved(stream)
        return element
    }

    /// Removes the newest element of a stream, which keeps its turn.
    mutating func removeLast(of stream: String) -> Element? {
        guard let element = rows[stream]?.popLast() else { return nil }
        noteRemoved(stream)
        return element
    }

    /// Gives a stream the last turn.
    mutating func postpone(_ stream: String) {
        removeTurn(stream)
        turns.append(stream)
    }

    private mutating func removeTurn(_ stream: String) {
        if let index = turns.firstIndex(of: stream) { turns.remove(at: index) }
    }

    /// Counts an element that was added.
    /// - Returns: whether it is the only one of its stream.
    private mutating func noteAdded(_ stream: String) -> Bool {
        // Invariant: elements are counted one by one.
        count += 1
        let size = count(of: stream)
        move(stream, from: size - 1, to: size)
        return size == 1
    }

    /// Counts an element that was removed.
    private mutating func noteRemoved(_ stream: String) {
        // Invariant: the element was counted.
        count -= 1
        let size = count(of: stream)
        move(stream, from: size + 1, to: size)
        guard size == 0 else { return }
        rows[stream] = nil
        removeTurn(stream)
    }

    /// Notes a number of elements that has changed by one.
    private mutating func move(_ stream: String, from old: Int, to new: Int) {
        bySize[old]?.remove(stream)
        if bySize[old]?.isEmpty == true { bySize[old] = nil }
        if new > 0 { bySize[new, default: []].insert(stream) }
        // The last stream with most elements has one less, or one more.
        if new > most || bySize[most] == nil { most = new }
    }
}
