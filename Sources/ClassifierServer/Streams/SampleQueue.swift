internal import NIOCore
internal import StrictCoding

/// A bounded queue of a stream's samples, with gaps at the positions of lost samples. Every operation takes time in
/// proportion to its samples, and none allocates once the queue has had its largest size. A pure value: it neither
/// waits nor reads a clock.
package struct SampleQueue {
    package enum Piece: Equatable {
        /// Samples that arrived together.
        /// - arrived: time of arrival, in nanoseconds of a monotonic clock.
        case samples(count: Int, arrived: UInt64)
        /// The number of samples that are missing here.
        case gap(Int64)
    }

    // Invariant: counts are those of samples in memory; gaps, which clients choose, are added with saturation.
    /// From this number of samples on, a sender waits or loses samples.
    package let limit: Int
    /// Samples in the queue.
    package private(set) var count = 0
    /// All samples; those before ``head`` have been used.
    package private(set) var storage: [Float] = []
    /// Index of the first sample.
    package private(set) var head = 0
    private var pieces = CircularBuffer<Piece>()

    package init(limit: Int) { self.limit = limit }

    package var isFull: Bool { count >= limit }
    package var isEmpty: Bool { pieces.isEmpty }
    package var first: Piece? { pieces.first }

    /// Appends samples of a sender that waits while the queue is full. One call's samples may exceed the limit.
    package mutating func append(_ samples: Span<Float>, arrived: UInt64) {
        guard !samples.isEmpty else { return }
        reclaim()
        unsafe samples.withUnsafeBufferPointer { unsafe storage.append(contentsOf: $0) }
        count += samples.count
        pieces.append(.samples(count: samples.count, arrived: arrived))
    }

    /// Appends the samples that fit; the rest becomes a gap.
    /// - Returns: the number of lost samples.
    package mutating func offer(_ samples: Span<Float>, arrived: UInt64) -> Int {
        let taken = min(max(0, limit - count), samples.count)
        append(samples.extracting(0..<taken), arrived: arrived)
        lose(Int64(samples.count - taken))
        return samples.count - taken
    }

    /// Appends a gap. Consecutive gaps are one, whose length saturates.
    package mutating func lose(_ samples: Int64) {
        guard samples > 0 else { return }
        if case .gap(let before)? = pieces.last {
            pieces[pieces.index(before: pieces.endIndex)] = .gap(before.addingSaturated(samples))
        } else {
            pieces.append(.gap(samples))
        }
    }

    /// Removes used samples of the first piece, or a gap as a whole.
    package mutating func consume(_ used: Int) {
        switch pieces.first {
        case .samples(let length, let arrived):
            head += used
            count -= used
            if used < length {
                pieces[pieces.startIndex] = .samples(count: length - used, arrived: arrived)
                return
            }
        case .gap: break
        case nil: return
        }
        pieces.removeFirst()
    }

    package mutating func removeAll() {
        pieces.removeAll(keepingCapacity: true)
        storage.removeAll(keepingCapacity: true)
        head = 0
        count = 0
    }

    /// Frees the room of used samples when they are at least half of all, so that each sample moves once at most.
    private mutating func reclaim() {
        guard head > 0, head >= count else { return }
        storage.removeSubrange(..<head)
        head = 0
    }
}
