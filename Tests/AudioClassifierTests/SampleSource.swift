internal import Synchronization

/// An asynchronous source of chunks that counts the requested ones.
struct SampleSource: AsyncSequence, Sendable {
    struct Fault: Error, Equatable {}

    let chunks: [[Float]]
    /// Whether the source throws after its last chunk.
    var isFaulty = false
    /// Number of requests for a chunk.
    let pulls = Counter()
    /// Index of the chunk whose request cancels the task.
    var cancels: Int?

    final class Counter: Sendable {
        private let count = Atomic(0)
        var value: Int { count.load(ordering: .relaxed) }
        func increase() { count.add(1, ordering: .relaxed) }
    }

    init(_ samples: [Float], chunk: Int) {
        chunks = stride(from: 0, to: samples.count, by: chunk).map {
            Array(samples[$0..<Swift.min($0 + chunk, samples.count)])
        }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        let source: SampleSource
        var index = 0

        mutating func next(isolation actor: isolated (any Actor)?) async throws -> [Float]? {
            source.pulls.increase()
            await Task.yield()
            if source.cancels == index { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
            guard index < source.chunks.count else {
                if source.isFaulty { throw Fault() }
                return nil
            }
            index += 1
            return source.chunks[index - 1]
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: self) }
}
