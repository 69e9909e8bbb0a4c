internal import Dispatch
internal import StreamTransformer
internal import Synchronization

/// The parts of one recording between the thread that makes their frames and those that encode them.
final class PartQueue: Sendable {
    private struct State {
        var waiting: [(index: Int, part: RecordingPart)] = []
        var encoded: [Int: EncodedPart] = [:]
        var workers = 0
    }

    private let model: Model
    private let spare: SpareThreads
    private let state = Mutex(State())
    /// Signalled for each part that a worker has encoded.
    private let progress = DispatchSemaphore(value: 0)

    init(_ model: Model, _ spare: SpareThreads) {
        self.model = model
        self.spare = spare
    }

    /// Adds a part, and a worker if a thread is spare.
    func add(_ part: RecordingPart, index: Int) {
        state.withLock { $0.waiting.append((index, part)) }
        guard spare.take() else { return }
        state.withLock { $0.workers += 1 }
        DispatchQueue.global().async { self.work() }
    }

    /// Encodes parts until none waits.
    private func work() {
        var stream = model.makeStream()
        while let next = takeOldest(orLeave: true) {
            let encoded = EncodedPart(next.part, model, &stream)
            state.withLock { $0.encoded[next.index] = encoded }
            progress.signal()
        }
        spare.add()
    }

    private func takeOldest(orLeave: Bool) -> (index: Int, part: RecordingPart)? {
        state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            if orLeave { state.workers -= 1 }
            return nil
        }
    }

    /// Encodes the oldest part that waits on the calling thread.
    /// - Returns: false if none waits.
    func encodeOldest(_ stream: inout StreamState) -> Bool {
        guard let next = takeOldest(orLeave: false) else { return false }
        let encoded = EncodedPart(next.part, model, &stream)
        state.withLock { $0.encoded[next.index] = encoded }
        return true
    }

    /// Whether the workers have so many parts before them that the calling thread encodes one itself.
    var isFull: Bool { state.withLock { $0.waiting.count > $0.workers } }

    /// Number of threads that encode parts beside the calling one.
    var workers: Int { state.withLock { $0.workers } }

    /// Takes an encoded part; nil while it is not encoded.
    func take(_ index: Int) -> EncodedPart? { state.withLock { $0.encoded.removeValue(forKey: index) } }

    /// Whether a part is encoded and not taken.
    func has(_ index: Int) -> Bool { state.withLock { $0.encoded[index] != nil } }

    /// Waits until a worker has encoded a part.
    func wait() { progress.wait() }

    /// Drops the parts that wait, so that the workers leave.
    func close() { state.withLock { $0.waiting = [] } }
}
