internal import Kernels

/// The newest contexts of a stream, of whose mean the head makes logits: what a single token says by chance counts less. With one
/// context there is nothing to keep.
struct ContextAverage: ~Copyable, BufferList {
    private let count: Int
    private let width: Int
    private var contexts: AlignedBuffer  // (count, D), token t at t mod count

    init(count: Int, width: Int) {
        self.count = count
        self.width = width
        contexts = AlignedBuffer(count: count > 1 ? count * width : 0)
    }

    /// Takes in the context of token `position`, a row of `rows`, and puts the mean in its place.
    mutating func replace(_ rows: inout AlignedBuffer, row: Int, position: Int64) {
        guard count > 1 else { return }
        let start = row * width
        contexts.copy(rows, from: start, count: width, to: Int(position % Int64(count)) * width)
        let filled = Int(min(position + 1, Int64(count)))
        for element in 0..<width {
            var sum: Float = 0
            for place in 0..<filled { sum += contexts[place * width + element] }
            rows[start + element] = sum / Float(filled)
        }
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(contexts)
    }
}
