/// Samples of a stream that wait to be classified, bounded, with the places at which some were lost. Pure: it neither
/// waits nor knows a clock.
package struct SampleQueue {
    package enum Piece {
        /// - arrived: when the samples came, in nanoseconds of a monotonic clock.
        case samples([Float], arrived: UInt64)
        /// So many samples are missing here.
        case gap(Int64)
    }

    /// Above it a sender waits, and what comes from a source that cannot wait is lost.
    package let limit: Int
    private var pieces: [Piece] = []
    /// Of the first piece, samples that have been taken.
    package private(set) var offset = 0
    /// Samples that wait.
    package private(set) var count = 0

    package init(limit: Int) { self.limit = limit }

    package var isFull: Bool { count >= limit }
    package var isEmpty: Bool { pieces.isEmpty }
    package var first: Piece? { pieces.first }

    /// Appends samples of a sender that waits while the queue is full: it is beyond its limit by one call's samples at
    /// most.
    package mutating func append(_ samples: [Float], arrived: UInt64) {
        guard !samples.isEmpty else { return }
        pieces.append(.samples(samples, arrived: arrived))
        count += samples.count
    }

    /// Appends what there is room for, of a source that cannot wait; the rest becomes a gap.
    /// - Returns: samples lost.
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

    /// Notes that samples are missing behind those that wait.
    package mutating func lose(_ samples: Int64) {
        guard samples > 0 else { return }
        if case .gap(let before)? = pieces.last {
            pieces[pieces.count - 1] = .gap(before + samples)
        } else {
            pieces.append(.gap(samples))
        }
    }

    /// So many samples of the first piece have been used; a gap is used as a whole.
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
