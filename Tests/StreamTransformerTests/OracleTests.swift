internal import FoundationEssentials
internal import Glibc
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// The oracle against numbers computed by hand and relations between the systems, without the fast code.
@Suite struct OracleTests {
    private static let ridge = EncoderConfiguration.Inverse.ridge(lambda: 1e-2)

    private func outputs(_ shape: ModelShape, tokens: Int = 40) throws -> [[Double]] {
        try TemporaryModel(shape).oracle.run(shape.frames(tokens: tokens, seed: 2)).contexts
    }

    private func largestDifference(_ a: [[Double]], _ b: [[Double]]) -> [Double] {
        zip(a, b).map { zip($0, $1).map { abs($0 - $1) }.max() ?? 0 }
    }

    /// An encoder over a window and its continual form are the same function of the window.
    @Test(arguments: [1, 2]) func fullEqualsContinual(_ layers: Int) throws {
        let shape = ModelShape().with { ($0.depth, $0.layers, $0.window) = (.window, layers, 8) }
        let full = try outputs(shape.with { $0.attention = .full })
        let continual = try outputs(shape.with { $0.attention = .continual })
        #expect(largestDifference(full, continual).allSatisfy { $0 < 1e-12 })
    }

    /// Landmarks that are means of the window's segments, of every window or of the last segment's end. Both are equal
    /// at the end of a segment, and differ between.
    @Test(arguments: [1, 2]) func nystromformerEqualsContinualLandmarksAtSegmentEnds(_ layers: Int) throws {
        let shape = ModelShape().with { ($0.depth, $0.layers, $0.window) = (.window, layers, 12) }
        let whole = try outputs(shape.with { $0.attention = .nystromformer(landmarks: 3, inverse: Self.ridge) })
        let moving = try outputs(
            shape.with { $0.attention = .continualNystrom(landmarks: 3, update: .continual, inverse: Self.ridge) })
        for (t, difference) in largestDifference(whole, moving).enumerated() {
            let isEnd = (t + 1) % 4 == 0
            // Before the first segment's end both are softmax attention. While the window grows its segments begin
            // where the stream's do, and a first layer's tokens do not change.
            let isSame = isEnd || t < 4 || layers == 1 && t < 12
            #expect(isSame ? difference < 1e-12 : difference > 1e-9, "token \(t): \(difference)")
        }
    }

    /// With one layer both depths are equal.
    @Test(arguments: ModelShape.systems.map(\.attention)) func depthsOfOneLayer(
        _ attention: EncoderConfiguration.Attention
    ) throws {
        let shape = ModelShape().with { ($0.attention, $0.layers) = (attention, 1) }
        let (window, stream) = (
            try outputs(shape.with { $0.depth = .window }), try outputs(shape.with { $0.depth = .stream })
        )
        #expect(largestDifference(window, stream).allSatisfy { $0 < 1e-12 })
    }

    /// Two layers of depth `stream` depend on twice as many tokens as with depth `window`.
    @Test(arguments: TestScale.sample(ModelShape.systems, every: 4)) func windowForgets(_ system: ModelShape) throws {
        let files = try TemporaryModel(system)
        let frames = system.frames(tokens: 40, seed: 3)
        var changed = frames
        for index in 0..<12 { changed[index] = changed[index].map { $0 + 1 } }
        let difference = largestDifference(
            try files.oracle.run(frames).contexts, try files.oracle.run(changed).contexts)
        // Token 17 is the first whose window has no changed token; landmarks depend on a segment more.
        let segment = system.attention.landmarks.map { system.window / $0 } ?? 1
        let last = system.depth == .window ? 12 + system.window + segment : 12 + 2 * (system.window + segment)
        #expect(difference[last...].allSatisfy { $0 < 1e-12 }, "the change has no effect after the last window")
        if system.depth == .stream { #expect(difference[12 + system.window] > 1e-9, "a deep layer still remembers") }
    }

    /// If every token is a landmark, Nystrom attention is softmax attention up to the error of the inverse.
    @Test func everyTokenALandmark() throws {
        let shape = ModelShape().with { ($0.depth, $0.layers, $0.window, $0.logitScale) = (.window, 1, 4, 8) }
        let softmax = try outputs(shape.with { $0.attention = .full })
        var differences: [Double] = []
        for lambda in [1e-1, 1e-3, 1e-5] {
            let nystrom = try outputs(
                shape.with { $0.attention = .nystromformer(landmarks: 4, inverse: .ridge(lambda: lambda)) })
            let difference = largestDifference(softmax, nystrom).sorted()
            differences.append(difference[difference.count / 2])
        }
        #expect(differences[0] > 3 * differences[1] && differences[1] > 3 * differences[2], "\(differences)")
        #expect(differences[2] < 1e-2)
    }

    /// One head of one element, two tokens, by hand. With W_q = 2, W_k = 1, W_v = 3, W_o = 1 and no biases, tokens 1
    /// and -1 have q = 2, -2; k = 1, -1; v = 3, -3.
    @Test func byHand() throws {
        // softmax(2, -2) of token 0 and softmax(-2, 2) of token 1: weights 1 / (1 + e^-4) and its complement.
        let weight = 1 / (1 + exp(-4.0))
        let alone = try attend(.full, tokens: [1])
        #expect(abs(alone[0] - 3) < 1e-12, "a single token attends to itself")
        let pair = try attend(.full, tokens: [1, -1])
        #expect(abs(pair[1] - ((1 - weight) * 3 + weight * -3)) < 1e-12)

        // One landmark, Qt = 0.5, Kt = 7: beta = 1, Gamma = 1, Z = 1 / (1 + lambda), Delta = softmax(0.5, -0.5) V.
        let share = 1 / (1 + exp(-1.0))
        let nystrom = try attend(
            .continualNystrom(landmarks: 1, inverse: .ridge(lambda: 0.25)), tokens: [1, -1], landmarks: (0.5, 7))
        #expect(abs(nystrom[1] - (share * 3 - (1 - share) * 3) / 1.25) < 1e-12)

        // One segment of both tokens: Qt = mean(2, -2) = 0, so that Delta = mean(3, -3) = 0.
        let segments = try attend(
            .continualNystrom(landmarks: 1, update: .continual, inverse: .ridge(lambda: 0.25)), tokens: [1, -1])
        #expect(abs(segments[0] - 3) < 1e-12, "softmax attention until the segment is complete")
        #expect(abs(segments[1]) < 1e-12)
    }

    /// Returns A(x) of every token.
    private func attend(
        _ attention: EncoderConfiguration.Attention, tokens: [Double], landmarks: (Double, Double)? = nil
    ) throws -> [Double] {
        let shape = ModelShape().with {
            ($0.attention, $0.depth, $0.layers, $0.heads, $0.headWidth, $0.window) = (attention, .stream, 1, 1, 1, 2)
        }
        let configuration = try JSONDecoder().decode(
            ModelConfiguration.self, from: JSONEncoder().encode(shape.configuration))
        var file = TensorFile()
        for (name, weight) in [("query", 2), ("key", 1), ("value", 3), ("output", 1)] {
            file["a.\(name).weight"] = .init([1, 1], [Float(weight)])
            file["a.\(name).bias"] = .init([1], [0])
        }
        if let landmarks {
            file["a.landmarks.query"] = .init([1, 1, 1], [Float(landmarks.0)])
            file["a.landmarks.key"] = .init([1, 1, 1], [Float(landmarks.1)])
        }
        let tensors = try Safetensors(bytes: file.bytes, name: "by hand").tensors
        return try Oracle.attend("a", configuration.encoder, tensors, tokens.map { [$0] }).map { $0[0] }
    }
}
