internal import Kernels
internal import StrictCoding

/// The memory of a layer whose rows all change when a token arrives.
protocol RetroactiveMemory: ~Copyable {
    var bytes: Int { get }

    /// Takes in token `position` and attends from every row of the window, oldest first.
    /// - Parameters:
    ///   - projected: the token's projections.
    ///   - inverse: Z of fixed landmarks.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, inverse: borrowing AlignedBuffer, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer)

    mutating func reset()
    func snapshot(to writer: inout SnapshotWriter)
    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated)
}

/// Two layers that give what an encoder over the window alone gives: the first updates all of its rows, the second attends from the newest
/// of them (Continual Transformers, arXiv 2201.06268).
struct RetroactivePair<First: RetroactiveMemory & ~Copyable>: ~Copyable {
    private var first: First
    private var second: WindowAttention

    init(_ first: consuming First, _ second: consuming WindowAttention) {
        self.first = first
        self.second = second
    }

    var bytes: Int { first.bytes + second.bytes }

    mutating func attend(
        _ projected: borrowing AlignedBuffer, rows: Int, inverse: borrowing AlignedBuffer, layer: Int,
        position: Int64, kernels: Kernels, into context: inout AlignedBuffer
    ) {
        if layer == 0 {
            first.attend(projected, inverse: inverse, position: position, kernels: kernels, into: &context)
        } else {
            second.attend(
                projected, rows: rows, wanted: 1, inverse: inverse, position: position, kernels: kernels,
                into: &context)
        }
    }

    mutating func reset() {
        first.reset()
        second.reset()
    }

    func snapshot(to writer: inout SnapshotWriter) {
        first.snapshot(to: &writer)
        second.snapshot(to: &writer)
    }

    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try first.restore(from: &reader)
        try second.restore(from: &reader)
    }
}
