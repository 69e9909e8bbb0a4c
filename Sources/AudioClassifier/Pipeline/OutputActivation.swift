internal import Glibc
package import StreamTransformer

extension ModelConfiguration.OutputActivation {
    /// Replaces logits by probabilities.
    package func apply(to values: inout [Float]) {
        switch self {
        case .sigmoid:
            for index in values.indices { values[index] = 1 / (1 + expf(-values[index])) }
        case .softmax:
            let top = values.max() ?? 0
            var total: Float = 0
            for index in values.indices {
                values[index] = expf(values[index] - top)
                total += values[index]
            }
            for index in values.indices { values[index] /= total }
        }
    }
}
