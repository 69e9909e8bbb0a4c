internal import Glibc
internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// The sliding softmax averages against float64, given the same logits and values.
@Suite struct SlidingSumsTests {
    /// The distribution of a stream's logits.
    enum Signal: Sendable, CustomTestStringConvertible {
        case normal(deviation: Double)
        /// Now and then a token with logits far from the others.
        case outliers(Float)
        /// All tokens are equal, except for noise before them.
        case silence

        var testDescription: String { "\(self)" }
    }

    static let windows = TestScale.choose([2, 3, 4, 5, 7, 25, 120, 480], reduced: [2, 5, 25])
    static let signals: [Signal] =
        TestScale.sample([0.1, 1, 2, 4, 8], every: 2).map { .normal(deviation: $0) }
        + [30, 100, 300, -100].map { .outliers($0) } + [.silence]
    static let shape = SumsShape(heads: 3, landmarks: 4, width: 5)

    /// With the identity as the inverse and beta's weight on one landmark, a head's output is a row of
    /// Delta.
    @Test(arguments: windows, signals) func rowsOfDelta(_ window: Int, _ signal: Signal) throws {
        let shape = Self.shape
        let m = shape.landmarks
        let identity = (0..<m * m).flatMap { element in
            [Float](repeating: element / m == element % m ? 1 : 0, count: shape.heads)
        }
        var stream = Stream(window: window, inverse: identity, signal)
        for t in 0..<stream.length {
            let landmark = (t + t / m) % m
            let observed = stream.step { $0 / shape.heads == landmark ? 200 : 0 }
            guard stream.isChecked(t) else { continue }
            for head in 0..<shape.heads {
                try compare(
                    (0..<shape.width).map { observed[$0 * shape.heads + head] },
                    with: stream.delta(head, landmark), relative: 2e-6,
                    "window \(window), \(signal), token \(t), head \(head), row \(landmark)")
            }
        }
    }

    /// o_t = softmax(beta) Z Delta, with a Z that amplifies as a model's does.
    @Test(arguments: windows, signals) func outputs(_ window: Int, _ signal: Signal) throws {
        var random = SplitMix64(seed: 5)
        var stream = Stream(window: window, inverse: Self.ridgeInverses(&random), signal)
        for t in 0..<stream.length {
            let beta = random.normals(Self.shape.rows, deviation: 2)
            let observed = stream.step { beta[$0] }
            guard stream.isChecked(t) else { continue }
            try compare(
                observed, with: stream.output(beta), relative: 1e-5, "window \(window), \(signal), token \(t)")
        }
    }

    /// Errors do not grow with the number of tokens.
    @Test(arguments: [7, 120]) func hundredThousandTokens(_ window: Int) throws {
        var random = SplitMix64(seed: 6)
        var stream = Stream(window: window, inverse: Self.ridgeInverses(&random), .normal(deviation: 4))
        let count = TestScale.choose(100_000, reduced: 2000)
        for t in 0..<count {
            let beta = random.normals(Self.shape.rows, deviation: 1)
            let observed = stream.step { beta[$0] }
            guard t % 997 == 0 || t > count - 10 else { continue }
            try compare(observed, with: stream.output(beta), relative: 1e-5, "window \(window), token \(t)")
        }
    }

    /// Every layer has its own memory: layers stepped in turn give the results of each one alone, bit for bit.
    @Test(arguments: [2, 7, 25]) func layersAreIndependent(_ window: Int) throws {
        var random = SplitMix64(seed: 7)
        let inverse = AlignedBuffer(Self.ridgeInverses(&random))
        let shape = Self.shape
        var together = SlidingSums(layers: 2, shape: shape, window: window)
        var first = SlidingSums(layers: 1, shape: shape, window: window)
        var second = SlidingSums(layers: 1, shape: shape, window: window)
        var context = AlignedBuffer(count: shape.values)
        func attend(_ sums: inout SlidingSums, _ layer: Int, _ t: Int64, _ token: [Float]) -> [Float] {
            sums.attend(
                AlignedBuffer(token), inverse: inverse, layer: layer, position: t, kernels: .best, into: &context)
            return (0..<shape.values).map { context[$0] }
        }
        for t in 0..<Int64(4 * window) {
            for layer in 0..<2 {
                let token = random.normals(2 * shape.rows + shape.values, deviation: 2)
                let observed = attend(&together, layer, t, token)
                let expected = layer == 0 ? attend(&first, 0, t, token) : attend(&second, 0, t, token)
                try compareBits(observed, with: expected, "window \(window), token \(t), layer \(layer)")
            }
        }
    }

    private static func ridgeInverses(_ random: inout SplitMix64) -> [Float] {
        let inverses = (0..<shape.heads).map { _ in
            let gamma = (0..<shape.landmarks).map { _ in
                let weights = (0..<shape.landmarks).map { _ in exp(random.normal()) }
                let total = weights.reduce(0, +)
                return weights.map { $0 / total }
            }
            return OracleInverse.of(gamma, .ridge(lambda: 1e-2)).flatMap { $0 }.map(Float.init)
        }
        return inverses[0].indices.flatMap { element in inverses.map { $0[element] } }
    }
}

/// A stream of random tokens through ``SlidingSums``, and the definition of its output.
private struct Stream: ~Copyable {
    let window: Int
    let signal: SlidingSumsTests.Signal
    let shape = SlidingSumsTests.shape
    private let inverse: [Float]
    private let inverseBuffer: AlignedBuffer
    private var random = SplitMix64(seed: 4)
    private var sums: SlidingSums
    private var context: AlignedBuffer
    /// The last tokens, oldest first: logits and values.
    private var tokens: [(logits: [Float], values: [Float])] = []
    private var position = 0

    init(window: Int, inverse: [Float], _ signal: SlidingSumsTests.Signal) {
        self.window = window
        self.signal = signal
        self.inverse = inverse
        inverseBuffer = AlignedBuffer(inverse)
        sums = SlidingSums(layers: 1, shape: shape, window: window)
        context = AlignedBuffer(count: shape.values)
    }

    /// Tokens of a test: several windows, in which an outlier comes and goes.
    var length: Int { max(3 * window + 20, 100) }

    /// The definition costs a window for each token; long windows are compared now and then, with a step that visits
    /// every offset in a block.
    func isChecked(_ t: Int) -> Bool { window < 100 || t % 7 == 0 || t < 20 }

    /// - Parameter beta: the logit of a row.
    mutating func step(_ beta: (Int) -> Float) -> [Float] {
        let (logits, values) = nextToken()
        if tokens.count == window { tokens.removeFirst() }
        tokens.append((logits, values))
        sums.attend(
            AlignedBuffer((0..<shape.rows).map(beta) + logits + values), inverse: inverseBuffer, layer: 0,
            position: Int64(position), kernels: .best, into: &context)
        position += 1
        return (0..<shape.values).map { context[$0] }
    }

    private mutating func nextToken() -> (logits: [Float], values: [Float]) {
        switch signal {
        case .normal(let deviation):
            return (random.normals(shape.rows, deviation: deviation), random.normals(shape.values))
        case .outliers(let exponent):
            var logits = random.normals(shape.rows, deviation: 1)
            if position % (window + window / 2 + 3) == window / 2 {
                for row in logits.indices where row % 3 != 1 { logits[row] += exponent }
            }
            return (logits, random.normals(shape.values))
        case .silence:
            guard position >= window / 2 else {
                return (random.normals(shape.rows, deviation: 4), random.normals(shape.values))
            }
            return (
                (0..<shape.rows).map { Float($0) - 3.3 }, (0..<shape.values).map { 0.1 + 0.7 * Float($0) }
            )
        }
    }

    /// Delta[landmark] of a head: the softmax average of the window's values.
    func delta(_ head: Int, _ landmark: Int) -> [Double] {
        let row = landmark * shape.heads + head
        let largest = tokens.map { $0.logits[row] }.max() ?? 0
        var total = 0.0
        var sum = [Double](repeating: 0, count: shape.width)
        for token in tokens {
            let weight = exp(Double(token.logits[row]) - Double(largest))
            total += weight
            for c in 0..<shape.width { sum[c] += weight * Double(token.values[c * shape.heads + head]) }
        }
        return sum.map { $0 / total }
    }

    func output(_ beta: [Float]) -> [Double] {
        let m = shape.landmarks
        let heads = (0..<shape.heads).map { head in
            let logits = (0..<m).map { Double(beta[$0 * shape.heads + head]) }
            let largest = logits.max() ?? 0
            let weights = logits.map { exp($0 - largest) }
            let total = weights.reduce(0, +)
            let rows = (0..<m).map { delta(head, $0) }
            return (0..<shape.width).map { c in
                var sum = 0.0
                for i in 0..<m {
                    for j in 0..<m {
                        sum += weights[i] / total * Double(inverse[(i * m + j) * shape.heads + head]) * rows[j][c]
                    }
                }
                return sum
            }
        }
        return (0..<shape.width).flatMap { c in heads.map { $0[c] } }
    }
}
