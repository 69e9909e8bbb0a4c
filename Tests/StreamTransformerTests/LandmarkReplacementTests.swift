internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// After a landmark is replaced, the sliding sums equal those with the new landmark from the beginning.
@Suite struct LandmarkReplacementTests {
    private static let shape = SumsShape(heads: 3, landmarks: 4, width: 5)

    @Test(arguments: TestScale.choose([2, 3, 4, 5, 7, 12, 25, 120], reduced: [2, 5, 12]))
    func isAsIfItHadAlwaysBeenThere(_ window: Int) throws {
        let shape = Self.shape
        let length = 4 * window + 10
        var random = SplitMix64(seed: UInt64(window))
        let old = (0..<length).map { _ in random.normals(shape.rows, deviation: 2) }
        let new = (0..<length).map { _ in random.normals(shape.heads, deviation: 2) }
        let values = (0..<length).map { _ in random.normals(shape.values) }
        // Replaced at every offset in blocks and phases, also before the window is full.
        for replaced in stride(from: 0, to: 3 * window, by: max(1, window / TestScale.choose(13, reduced: 4))) {
            let landmark = replaced % shape.landmarks
            var observed = SlidingSums(layers: 1, shape: shape, window: window)
            var column = LandmarkColumn(heads: shape.heads, width: shape.width)
            var delta = AlignedBuffer(count: shape.means)
            for t in 0..<min(length, replaced + 2 * window + 3) {
                var logits = old[t]
                if t > replaced {
                    for head in 0..<shape.heads { logits[landmark * shape.heads + head] = new[t][head] }
                }
                let plan = observed.schedule.plan(Int64(t))
                observed.insert(
                    logits: AlignedBuffer(logits), at: 0, values: AlignedBuffer(values[t]), at: 0, layer: 0,
                    position: Int64(t), plan, kernels: .best)
                if t == replaced {
                    var scores = AlignedBuffer(count: window * shape.heads)
                    for token in max(0, t - window + 1)...t {
                        for head in 0..<shape.heads { scores[token % window * shape.heads + head] = new[token][head] }
                    }
                    observed.replace(
                        landmark: landmark, scores: scores, layer: 0, position: Int64(t), kernels: .best, &column)
                }
                observed.average(layer: 0, plan, kernels: .best, into: &delta)
                observed.prepare(layer: 0, plan, kernels: .best)
                guard t >= replaced else { continue }
                let tokens = max(0, t - window + 1)...t
                for row in 0..<shape.rows {
                    let (head, isNew) = (row % shape.heads, row / shape.heads == landmark)
                    let weights = softmax(tokens.map { Double(isNew ? new[$0][head] : old[$0][row]) })
                    let expected = (0..<shape.width).map { c in
                        zip(weights, tokens).reduce(0.0) { $0 + $1.0 * Double(values[$1.1][c * shape.heads + head]) }
                    }
                    try compare(
                        (0..<shape.width).map { delta[$0 * shape.paddedRows + row] }, with: expected, relative: 2e-6,
                        "window \(window), replaced at \(replaced), token \(t), row \(row)")
                }
            }
        }
    }
}
