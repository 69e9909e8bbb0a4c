internal import FoundationEssentials
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// Models of random shapes agree with the reference. A failure names the seed and the smallest shape that still fails.
@Suite struct RandomModelTests {
    /// The environment variable `RANDOM_MODEL_SEED` repeats a run.
    private static let seed: UInt64 =
        ProcessInfo.processInfo.environment["RANDOM_MODEL_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0..<1 << 32)

    @Test func agreeWithTheOracle() throws {
        var random = SplitMix64(seed: Self.seed)
        for number in 0..<TestScale.choose(150, reduced: 3) {
            let shape = Self.shape(&random)
            guard let failure = Self.failure(shape) else { continue }
            let (smallest, reason) = Self.shrunk(shape, failure)
            Issue.record("RANDOM_MODEL_SEED=\(Self.seed), model \(number): \(smallest): \(reason)")
            return
        }
    }

    /// Shrinking finds the smallest shape with an artificial failure.
    @Test func shrinks() {
        var shape = ModelShape()
        (shape.window, shape.layers, shape.heads, shape.position) = (40, 3, 4, .recycling(period: 9))
        let (smallest, _) = Self.shrunk(shape, "", failure: { $0.window >= 9 && $0.heads >= 2 ? "fails" : nil })
        #expect(smallest.window == 10 && smallest.heads == 2)
        #expect(smallest.layers == 1 && smallest.bands == 1 && smallest.position == .none)
    }

    private static func shape(_ random: inout SplitMix64) -> ModelShape {
        var shape = ModelShape()
        shape.seed = random.next()
        shape.bands = random.integer(in: 1...20)
        shape.labels = random.integer(in: 1...20)
        shape.heads = random.integer(in: 1...6)
        // A layer norm over few elements is ill-conditioned, and would test rounding instead of the shape.
        shape.headWidth = random.integer(in: max(2, 12 / shape.heads)...20)
        shape.layers = random.integer(in: 1...3)
        shape.feedForward = random.integer(in: 1...70)
        let inverse: EncoderConfiguration.Inverse =
            random.next() % 2 == 0
            ? .ridge(lambda: [1e-3, 1e-2, 0.1][random.integer(in: 0...2)])
            : .newtonSchulz(iterations: random.integer(in: 1...8))
        shape.attention = ModelShape.systems[random.integer(in: 0...ModelShape.systems.count - 1)].attention
            .with(landmarks: random.integer(in: 1...20), inverse: inverse)
        shape.depth = random.next() % 2 == 0 ? .window : .stream
        if shape.depth == .window, shape.attention.isContinual { shape.layers = min(shape.layers, 2) }
        shape = shape.window(random.integer(in: 2...30))
        shape.norm = random.next() % 2 == 0 ? .pre : .post
        shape.activation = random.next() % 2 == 0 ? .relu : .gelu
        if random.next() % 2 == 0 { shape.position = .recycling(period: random.integer(in: 1...40)) }
        if random.next() % 2 == 0 { shape.pooledContexts = random.integer(in: 2...20) }
        shape.logitScale = [0.1, 0.5, 1, 2][random.integer(in: 0...3)]
        if random.next() % 2 == 0 {
            shape.stem = .linear(frames: random.integer(in: 1...4))
        } else {
            shape.stem = .convolution(
                (0..<random.integer(in: 1...3)).map { _ in
                    ModelShape.ConvolutionLayer(
                        channels: random.integer(in: 1...18), timeStride: random.integer(in: 1...2),
                        bandStride: random.integer(in: 1...2), bandPadding: random.next() % 2 == 0 ? .symmetric : .end,
                        isSeparable: random.next() % 2 == 0)
                })
        }
        return shape
    }

    /// Returns the failure of a model of this shape, or nil.
    private static func failure(_ shape: ModelShape) -> String? {
        do {
            let pair = try ModelAndOracle(shape)
            let frames = shape.frames(tokens: 3 * shape.window + 5, seed: shape.seed &+ 1)
            let expected = try pair.files.oracle.run(frames).logits
            let observed = try pair.model.run(frames)
            guard observed.count == expected.count else {
                return "\(observed.count) tokens, expected \(expected.count)"
            }
            for t in expected.indices {
                try compare(observed[t], with: expected[t], absolute: 1e-4, "logits of token \(t)")
            }
            return nil
        } catch { return "\(error)" }
    }

    /// Halves sizes and removes parts while the shape still fails.
    private static func shrunk(
        _ shape: ModelShape, _ reason: String, failure: (ModelShape) -> String? = Self.failure
    ) -> (ModelShape, String) {
        for candidate in candidates(shape) where candidate != shape {
            if let reason = failure(candidate) { return shrunk(candidate, reason, failure: failure) }
        }
        return (shape, reason)
    }

    private static func candidates(_ shape: ModelShape) -> [ModelShape] {
        let sizes: [WritableKeyPath<ModelShape, Int>] = [
            \.layers, \.window, \.heads, \.headWidth, \.bands, \.labels, \.feedForward,
        ]
        var candidates = sizes.map { size in shape.with { $0[keyPath: size] = max($0[keyPath: size] / 2, 1) } }
        candidates.append(shape.with { $0.stem = .linear(frames: 1) })
        if case .convolution(let layers) = shape.stem, layers.count > 1 {
            candidates.append(shape.with { $0.stem = .convolution(Array(layers.dropLast())) })
            candidates.append(shape.with { $0.stem = .convolution(Array(layers.dropFirst())) })
        }
        candidates.append(shape.with { $0.attention = .continual })
        candidates.append(shape.with { $0.depth = .stream })
        if let landmarks = shape.attention.landmarks, let inverse = shape.attention.inverse {
            candidates.append(
                shape.with {
                    $0.attention = shape.attention.with(landmarks: max(landmarks / 2, 1), inverse: inverse)
                })
        }
        candidates.append(shape.with { $0.position = .none })
        candidates.append(shape.with { $0.pooledContexts = 1 })
        // A shape that is not valid fails for another reason.
        return candidates.filter { $0.window >= 2 && $0.headWidth >= 2 && $0.window($0.window) == $0 }
    }
}
