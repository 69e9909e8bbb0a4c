internal import Kernels

/// The memory of a layer whose rows all change when a token arrives.
protocol RetroactiveMemory: ~Copyable, BufferList {
    /// Adds token `position` and attends from every row of the window, oldest first.
    /// - Parameters:
    ///   - projected: the token's projections.
    ///   - inverse: Z of fixed landmarks.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, inverse: borrowing AlignedBuffer, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer)
}

/// The memory of two layers that compute the same as an encoder over the window alone: the first updates all of its
/// rows, the second attends from the newest row (Continual Transformers, arXiv 2201.06268).
struct RetroactivePair<First: RetroactiveMemory & ~Copyable>: ~Copyable, BufferList {
    private var first: First
    private var second: WindowAttention

    init(_ first: consuming First, _ second: consuming WindowAttention) {
        self.first = first
        self.second = second
    }

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

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try first.visit(&visitor)
        try second.visit(&visitor)
    }
}
