internal import FoundationEssentials
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// The oracle's convolutions against numbers computed by hand and relations between the kinds, without the fast code.
@Suite struct OracleStemTests {
    private typealias Layer = ModelShape.ConvolutionLayer

    /// Returns the last layer's columns of a stem of these layers and tensors for `frames`.
    private func columns(
        _ layers: [Layer], _ tensors: [String: TensorFile.Tensor], outputs: Int, _ frames: [[Float]]
    ) throws -> [[Double]] {
        let bands = frames.first?.count ?? 0
        let shape = ModelShape().with {
            ($0.bands, $0.stem, $0.heads, $0.headWidth) = (bands, .convolution(layers), 1, outputs)
        }
        var weights = shape.weights
        weights["input.mean"] = .init([bands], [Float](repeating: 0, count: bands))
        weights["input.scale"] = .init([bands], [Float](repeating: 1, count: bands))
        let identity = (0..<outputs * outputs).map { Float($0 / outputs == $0 % outputs ? 1 : 0) }
        weights["stem.projection.weight"] = .init([outputs, outputs], identity)
        weights["stem.projection.bias"] = .init([outputs], [Float](repeating: 0, count: outputs))
        for (name, tensor) in tensors { weights[name] = tensor }
        let configuration = try JSONDecoder().decode(
            ModelConfiguration.self, from: JSONEncoder().encode(shape.configuration))
        return try Oracle(
            configuration: configuration, tensors: Safetensors(bytes: weights.bytes, name: "by hand").tensors
        ).run(frames).tokens
    }

    /// Three frames of four bands; a filter with a single weight.
    private static let frames: [[Float]] = [[1, 2, 3, 4], [10, 20, 30, 40], [100, 200, 300, 400], [5, 6, 7, 8]]

    private func picked(_ time: Int, _ band: Int, _ layer: Layer) throws -> [[Double]] {
        var filter = [Float](repeating: 0, count: 9)
        filter[3 * time + band] = 1
        let tensors: [String: TensorFile.Tensor] =
            layer.isSeparable
            ? [
                "stem.layers.0.depthwise.weight": .init([1, 1, 3, 3], filter),
                "stem.layers.0.depthwise.bias": .init([1], [1]),
                "stem.layers.0.pointwise.weight": .init([1, 1, 1, 1], [2]),
                "stem.layers.0.pointwise.bias": .init([1], [-3]),
            ]
            : [
                "stem.layers.0.weight": .init([1, 1, 3, 3], filter),
                "stem.layers.0.bias": .init([1], [-2]),
            ]
        return try columns([layer], tensors, outputs: layer.bandStride == 1 ? 4 : 2, Self.frames)
    }

    @Test func bandPaddingByHand() throws {
        func layer(_ timeStride: Int, _ bandStride: Int, _ padding: StemConfiguration.BandPadding) -> Layer {
            Layer(channels: 1, timeStride: timeStride, bandStride: bandStride, bandPadding: padding)
        }
        // The bias of -2 is added, and negative results become zero.
        #expect(try picked(2, 0, layer(2, 2, .symmetric)) == [[0, 18], [0, 4]])
        #expect(try picked(2, 0, layer(2, 2, .end)) == [[8, 28], [3, 5]])
        #expect(try picked(2, 2, layer(2, 2, .symmetric)) == [[18, 38], [4, 6]])
        #expect(try picked(2, 2, layer(2, 2, .end)) == [[28, 0], [5, 0]])
        #expect(try picked(0, 1, layer(2, 2, .end)) == [[0, 0], [18, 38]])
        #expect(
            try picked(1, 2, layer(1, 1, .end))
                == [[0, 0, 0, 0], [1, 2, 0, 0], [28, 38, 0, 0], [298, 398, 0, 0]])
    }

    @Test func separableByHand() throws {
        func layer(_ padding: StemConfiguration.BandPadding) -> Layer {
            Layer(channels: 1, timeStride: 2, bandStride: 2, bandPadding: padding, isSeparable: true)
        }
        // 2 (x + 1) - 3, and -1, which becomes zero, in the padding.
        #expect(try picked(2, 0, layer(.symmetric)) == [[0, 39], [0, 11]])
        #expect(try picked(1, 0, layer(.end)) == [[1, 5], [199, 599]])
    }

    /// Without negative values, a separable convolution equals the convolution with the products of its weights.
    @Test func separableEqualsFullOfPositiveWeights() throws {
        var random = SplitMix64(seed: 1)
        func positive(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.uniform()) } }
        let frames = (0..<12).map { _ in positive(6) }
        let (inputs, outputs) = (3, 2)
        let first: [String: TensorFile.Tensor] = [
            "stem.layers.0.weight": .init([inputs, 1, 3, 3], positive(9 * inputs)),
            "stem.layers.0.bias": .init([inputs], positive(inputs)),
        ]
        let (depthwise, depthwiseBias) = (positive(9 * inputs), positive(inputs))
        let (pointwise, pointwiseBias) = (positive(inputs * outputs), positive(outputs))
        var weight: [Float] = []
        for output in 0..<outputs {
            for input in 0..<inputs {
                weight += depthwise[9 * input..<9 * input + 9].map { $0 * pointwise[output * inputs + input] }
            }
        }
        let bias = (0..<outputs).map { output in
            (0..<inputs).reduce(pointwiseBias[output]) {
                $0 + pointwise[output * inputs + $1] * depthwiseBias[$1]
            }
        }
        for padding in [StemConfiguration.BandPadding.symmetric, .end] {
            func tokens(_ isSeparable: Bool, _ second: [String: TensorFile.Tensor]) throws -> [[Double]] {
                let layers = [
                    Layer(channels: inputs, timeStride: 1, bandStride: 1),
                    Layer(
                        channels: outputs, timeStride: 2, bandStride: 2, bandPadding: padding,
                        isSeparable: isSeparable),
                ]
                return try columns(layers, first.merging(second) { $1 }, outputs: 3 * outputs, frames)
            }
            let separable = try tokens(
                true,
                [
                    "stem.layers.1.depthwise.weight": .init([inputs, 1, 3, 3], depthwise),
                    "stem.layers.1.depthwise.bias": .init([inputs], depthwiseBias),
                    "stem.layers.1.pointwise.weight": .init([outputs, inputs, 1, 1], pointwise),
                    "stem.layers.1.pointwise.bias": .init([outputs], pointwiseBias),
                ])
            let full = try tokens(
                false,
                [
                    "stem.layers.1.weight": .init([outputs, inputs, 3, 3], weight),
                    "stem.layers.1.bias": .init([outputs], bias),
                ])
            #expect(separable.count == 6)
            for (one, other) in zip(separable, full) {
                // The products were rounded to floats.
                for (a, b) in zip(one, other) { #expect(abs(a - b) < 1e-6 * b, "\(a) and \(b)") }
            }
        }
    }
}
