internal import StrictCoding

/// A bounded queue of a stream's samples, with gaps at the positions of lost samples. A pure value: it neither waits
/// nor reads a clock.
package struct SampleQueue {
    package enum Piece {
        /// - arrived: time of arrival, in nanoseconds of a monotonic clock.
        case samples([Float], arrived: UInt64)
        /// The number of samples that are missing here.
        case gap(Int64)
    }

    /// From this number of samples on, a sender waits or loses samples.
    package let limit: Int
    // Invariant: counts are those of samples in memory; gaps, which clients choose, are added with saturation.
    private var pieces: [Piece] = []
    /// Samples of the first piece that have been used.
    package private(set) var offset = 0
    /// Samples in the queue.
    package private(set) var count = 0

    package init(limit: Int) { self.limit = limit }

    package var isFull: Bool { count >= limit }
    package var isEmpty: Bool { pieces.isEmpty }
    package var first: Piece? { pieces.first }

    /// Appends samples of a sender that waits while the queue is full. One call's samples may exceed the limit.
    package mutating func append(_ samples: [Float], arrived: UInt64) {
        guard !samples.isEmpty else { return }
        pieces.append(.samples(samples, arrived: arrived))
        count += samples.count
    }

    /// Appends the samples that fit; the rest becomes a gap.
    /// - Returns: the number of lost samples.
    package mutating func offer(_ samples: [Float], arrived: UInt64) -> Int {
        let room = max(0, limit - count)
        if room >= samples.count {
            append(samples, arrived: arrived)
            return 0
        }
        append(Array(samples.prefix(room)), arrived: arrived)
        lose(Int64(samples.count - room))
        return samples.count - room
    }

    /// Appends a gap.
    package mutating func lose(_ samples: Int64) {
        guard samples > 0 else { return }
        if case .gap(let before)? = pieces.last {
            pieces[pieces.count - 1] = .gap(before.addingSaturated(samples))
        } else {
            pieces.append(.gap(samples))
        }
    }

    /// Removes used samples of the first piece, or a gap as a whole.
    package mutating func consume(_ used: Int) {
        switch pieces.first {
        case .samples(let samples, _):
            offset += used
            count -= used
            guard offset >= samples.count else { return }
        case .gap: break
        case nil: return
        }
        offset = 0
        pieces.removeFirst()
    }

    package mutating func removeAll() {
        pieces.removeAll()
        offset = 0
        count = 0
    }
}
