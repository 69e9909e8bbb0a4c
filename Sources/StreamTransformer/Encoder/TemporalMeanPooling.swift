internal import Kernels

/// Temporal mean pooling: the head computes logits from the mean of a stream's newest contexts, so that a single token
/// has less weight. With a length of one there is no pooling, and no memory.
struct TemporalMeanPooling: ~Copyable, BufferList {
    private let length: Int
    private let width: Int
    private var contexts: AlignedBuffer  // (length, D), token t at t mod length

    init(length: Int, width: Int) {
        self.length = length
        self.width = width
        contexts = AlignedBuffer(count: length > 1 ? length * width : 0)
    }

    /// Adds the context of token `position`, a row of `rows`, and replaces it by the mean.
    mutating func pool(_ rows: inout AlignedBuffer, row: Int, position: Int64) {
        guard length > 1 else { return }
        let start = row * width
        contexts.copy(rows, from: start, count: width, to: Int(position % Int64(length)) * width)
        let filled = Int(min(position + 1, Int64(length)))
        for element in 0..<width {
            var sum: Float = 0
            for slot in 0..<filled { sum += contexts[slot * width + element] }
            rows[start + element] = sum / Float(filled)
        }
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try visitor.visit(contexts)
    }
}
