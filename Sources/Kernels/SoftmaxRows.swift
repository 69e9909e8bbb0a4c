internal import CKernels

/// Softmax averages of one set of tokens for many queries: for each head and query (row) the largest score, the sum of
/// exp(score - largest), and that sum weighted with values of `width` elements.
///
/// Tokens leave by subtraction, so a row remembers the largest total that it has had: where too little of it is left, rounding errors of the
/// larger sum would count, and the row is summed again.
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

    /// Whether the sum at `place` (head x capacity + row) has to be made again.
    package func isWorn(_ place: Int) -> Bool { total[place] < KERNELS_WORN * largest[place] }

    /// Copies the average of a row, all heads, to `target`.
    package func average(row: Int, into output: inout AlignedBuffer, at target: Int) {
        for head in 0..<heads {
            let place = head * capacity + row
            let scale = 1 / total[place]
            for element in 0..<width {
                output[target + head * width + element] = value[place * width + element] * scale
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
