internal import StreamTransformer
internal import TestSupport

/// A whole model of each attention system under many tokens, against the float64 oracle over those tokens that the
/// newest prediction depends on.
struct SystemEndurance: CustomStringConvertible {
    let name: String
    let shape: ModelShape

    var description: String { name }

    static let window = 120

    static var systems: [SystemEndurance] {
        func system(
            _ name: String, _ attention: EncoderConfiguration.Attention, _ depth: EncoderConfiguration.Depth,
            _ layers: Int
        ) -> SystemEndurance {
            var shape = ModelShape()
            (shape.attention, shape.depth, shape.layers, shape.window) = (attention, depth, layers, window)
            (shape.norm, shape.heads, shape.headWidth) = (.post, 2, 8)
            return SystemEndurance(name: name, shape: shape)
        }
        let ridge = EncoderConfiguration.Inverse.ridge(lambda: 1e-2)
        let fixed = EncoderConfiguration.Attention.continualNystrom(landmarks: 4, inverse: ridge)
        let moving = EncoderConfiguration.Attention.continualNystrom(landmarks: 4, update: .continual, inverse: ridge)
        return [
            system("continual", .continual, .stream, 1),
            system("continual, retroactive pair", .continual, .window, 2),
            system("continual-nystrom, fixed", fixed, .stream, 1),
            system("continual-nystrom, fixed, retroactive pair", fixed, .window, 2),
            system("continual-nystrom, continual", moving, .stream, 1),
            system("continual-nystrom, continual, retroactive pair", moving, .window, 2),
        ]
    }

    enum Signal: String, CaseIterable {
        case normal = "normal features"
        case outliers = "outliers of 30 times their size"
        case silence = "noise and silence in turn"
    }

    /// Runs the model over `steps` tokens of each kind of signal. Of the first two windows it compares every
    /// `earlyStride`-th token, then every 997th and the last one. A comparison runs the oracle over two windows.
    /// - Returns: the largest error of a logit, and the number of tokens compared.
    func run(steps: Int, earlyStride: Int) throws -> [(Signal, worst: Double, checked: Int)] {
        let files = try TemporaryModel(shape)
        let model = try Model(directory: files.directory)
        return try Signal.allCases.map { signal in
            var random = SplitMix64(seed: 3)
            var stream = model.makeStream()
            // A prediction depends on its window, and on segments that end within the window before.
            var recent: [[Float]] = []
            var (worst, checked) = (0.0, 0)
            for position in 0..<steps {
                let frame = Self.frame(signal, shape.bands, position, &random)
                _ = try model.step(frame.span, &stream)
                if position % shape.window == 0, recent.count >= 2 * shape.window {
                    recent.removeFirst(shape.window)
                }
                recent.append(frame)
                let isEarly = position < 2 * shape.window && position % earlyStride == 0
                guard isEarly || position % 997 == 996 || position == steps - 1 else { continue }
                let logits = stream.newestLogits
                let expected = try files.oracle.run(recent).logits.last ?? []
                checked += 1
                for label in expected.indices {
                    let error = abs(Double(logits[label]) - expected[label])
                    worst = error.isNaN ? .infinity : max(worst, error)
                }
            }
            return (signal, worst, checked)
        }
    }

    private static func frame(_ signal: Signal, _ bands: Int, _ position: Int, _ random: inout SplitMix64) -> [Float] {
        switch signal {
        case .normal: random.normals(bands, deviation: 1.5, mean: 0.5)
        case .outliers:
            random.normals(bands, deviation: position % (window + 43) == 7 ? 45 : 1.5, mean: 0.5)
        case .silence:
            position / (2 * window) % 2 == 0
                ? random.normals(bands, deviation: 8) : [Float](repeating: -6.9, count: bands)
        }
    }
}
