/// The shape of one aggregate of a sliding softmax average: for each of `heads` x `landmarks` rows the largest logit, the sum of
/// exp(logit - largest), and the mean of values of `width` elements with these weights. The first two are padded to whole vectors.
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
    package var paddedRows: Int { Kernels.padded(rows) }
    /// Floats of an aggregate.
    package var count: Int { 2 * paddedRows + rows * width }
    /// Where an aggregate's means begin: (rows, width).
    package var valueStart: Int { 2 * paddedRows }
    /// Floats of scratch that the kernels want.
    package var scratch: Int { 4 * paddedRows }

    /// The aggregate of no token: maxima that any logit exceeds, and zero sums. (Not infinity: the difference of two
    /// infinities is not a number.)
    package static let lowest = -Float.greatestFiniteMagnitude
}
