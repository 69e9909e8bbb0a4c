internal import CKernels

/// Softmax averages of one set of tokens for many queries: for each head and query (row) an upper bound of the scores,
/// the sum of exp(score - bound), and the sum of the values, of `width` elements, with these weights.
///
/// Tokens leave by subtraction, so a row keeps the largest total since it was computed from its tokens. When little of
/// that is left, rounding errors of the larger sum would show, and the row needs to be recomputed.
package struct SoftmaxRows: ~Copyable, BufferList {
    package let heads: Int
    package let capacity: Int
    package let width: Int
    package internal(set) var maximum: AlignedBuffer  // (heads, capacity)
    package internal(set) var total: AlignedBuffer  // (heads, capacity)
    package internal(set) var largest: AlignedBuffer  // (heads, capacity)
    package internal(set) var value: AlignedBuffer  // (heads, capacity, width)

    package init(heads: Int, capacity: Int, width: Int) {
        self.heads = heads
        self.capacity = capacity
        self.width = width
        maximum = AlignedBuffer(count: heads * capacity)
        total = AlignedBuffer(count: heads * capacity)
        largest = AlignedBuffer(count: heads * capacity)
        value = AlignedBuffer(count: heads * capacity * width)
    }

    /// Returns true if row `index` (head x capacity + row) must be recomputed from its tokens.
    package func needsRecompute(_ index: Int) -> Bool { total[index] < KERNELS_RECOMPUTE_BELOW * largest[index] }

    /// Copies the average of a row, all heads, to `target`.
    package func average(row: Int, into output: inout AlignedBuffer, at target: Int) {
        for head in 0..<heads {
            let index = head * capacity + row
            let scale = 1 / total[index]
            for element in 0..<width {
                output[target + head * width + element] = value[index * width + element] * scale
            }
        }
    }

    package func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(maximum)
        try visitor.visit(total)
        try visitor.visit(largest)
        try visitor.visit(value)
    }
}
