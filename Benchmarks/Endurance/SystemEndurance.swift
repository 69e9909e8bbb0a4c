internal import StreamTransformer
internal import TestSupport

/// A whole model with each attention system under many tokens, against the float64 oracle over the tokens that the newest prediction depends on.
struct SystemEndurance {
    let name: String
    let shape: ModelShape
    let steps: Int

    static let window = 120

    static var systems: [(String, ModelShape)] {
        func shape(
            _ attention: EncoderConfiguration.Attention, _ depth: EncoderConfiguration.Depth, _ layers: Int
        ) -> ModelShape {
            var shape = ModelShape()
            (shape.attention, shape.depth, shape.layers, shape.window) = (attention, depth, layers, window)
            (shape.norm, shape.heads, shape.headWidth) = (.post, 2, 8)
            return shape
        }
        let ridge = EncoderConfiguration.Inverse.ridge(lambda: 1e-2)
        let fixed = EncoderConfiguration.Attention.continualNystrom(landmarks: 4, inverse: ridge)
        let moving = EncoderConfiguration.Attention.continualNystrom(landmarks: 4, update: .continual, inverse: ridge)
        return [
            ("continual", shape(.continual, .stream, 1)),
            ("continual, retroactive pair", shape(.continual, .window, 2)),
            ("continual-nystrom, fixed", shape(fixed, .stream, 1)),
            ("continual-nystrom, fixed, retroactive pair", shape(fixed, .window, 2)),
            ("continual-nystrom, continual", shape(moving, .stream, 1)),
            ("continual-nystrom, continual, retroactive pair", shape(moving, .window, 2)),
        ]
    }

    enum Signal: String, CaseIterable {
        case normal = "normal features"
        case outliers = "outliers of 30 times their size"
        case silence = "noise and silence in turn"
    }

    /// - Returns: the largest error of a logit for each kind of signal, and how many tokens were compared.
    func run() throws -> [(Signal, worst: Double, checked: Int)] {
        let files = try TemporaryModel(shape)
        let model = try Model(directory: files.directory)
        return try Signal.allCases.map { signal in
            var random = SplitMix64(seed: 3)
            var stream = model.makeStream()
            // A segment's end lies within the window before the window: that is all that a prediction depends on.
            var recent: [[Float]] = []
            var (worst, checked) = (0.0, 0)
            for position in 0..<steps {
                let frame = Self.frame(signal, shape.bands, position, &random)
                _ = try model.step(frame.span, &stream)
                if position % shape.window == 0, recent.count >= 2 * shape.window {
                    recent.removeFirst(shape.window)
                }
                recent.append(frame)
                guard position % 997 == 0 || position == steps - 1 || position < 2 * shape.window && position % 7 == 0
                else { continue }
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
