/// The shape of one aggregate of a sliding softmax average. An aggregate has `landmarks` x `heads` rows, landmark by
/// landmark, padded to whole vectors: the largest logit, the sum of exp(logit - largest), and the mean of values of
/// `width` elements with these weights, element by element. The heads lie side by side: logits of a token are
/// (landmarks, heads), its values (width, heads).
package struct SumsShape: Sendable, Equatable {
    package let heads: Int
    package let landmarks: Int
    package let width: Int

    package init(heads: Int, landmarks: Int, width: Int) {
        self.heads = heads
        self.landmarks = landmarks
        self.width = width
    }

    /// Rows of an aggregate, and logits of a token.
    package var rows: Int { heads * landmarks }
    /// Values of a token.
    package var values: Int { heads * width }
    /// Rows rounded up to whole vectors.
    package var paddedRows: Int { Kernels.padded(rows) }
    /// Floats of an aggregate.
    package var count: Int { 2 * paddedRows + means }
    /// Floats of an aggregate's means: (width, padded rows).
    package var means: Int { width * paddedRows }
    /// Index of the first mean in an aggregate.
    package var valueStart: Int { 2 * paddedRows }

    /// Maximum of an aggregate of no tokens, below every logit. It is finite, because the difference of two infinities
    /// is not a number.
    package static let lowest = -Float.greatestFiniteMagnitude

    /// Makes the aggregate at `start` that of no token.
    package func clear(_ sums: inout AlignedBuffer, at start: Int) {
        sums.fill(Self.lowest, start..<start + paddedRows)
        sums.fill(0, start + paddedRows..<start + count)
    }

    /// Makes every aggregate of a buffer that of no token.
    func clearAll(_ sums: inout AlignedBuffer) {
        for start in stride(from: 0, to: sums.count, by: max(count, 1)) { clear(&sums, at: start) }
    }
}
