internal import Glibc
internal import StreamTransformer

extension ModelShape {
    /// Random weights with which the values of every layer are around one.
    package var weights: TensorFile {
        var random = SplitMix64(seed: seed)
        var file = TensorFile()
        func add(_ name: String, _ shape: [Int], deviation: Double, mean: Double = 0) {
            let count = shape.reduce(1, *)
            file[name] = TensorFile.Tensor(shape, random.normals(count, deviation: deviation, mean: mean))
        }
        func addAffine(_ name: String, _ outputs: Int, _ inputs: Int, scale: Double = 1) {
            add("\(name).weight", [outputs, inputs], deviation: scale / Double(inputs).squareRoot())
            add("\(name).bias", [outputs], deviation: 0.3)
        }
        func addNorm(_ name: String) {
            add("\(name).weight", [width], deviation: 0.2, mean: 1)
            add("\(name).bias", [width], deviation: 0.2)
        }

        add("input.mean", [bands], deviation: 1)
        add("input.scale", [bands], deviation: 0.2, mean: 0.7)
        addAffine("stem.projection", width, stemWeights(add))
        if case .recycling(let period) = position { add("encoder.position", [period, width], deviation: 0.5) }
        // Queries times keys have the standard deviation logitScale, whether the factors are projections or landmarks.
        let scale = logitScale.squareRoot()
        for index in 0..<layers {
            let prefix = "encoder.layers.\(index)"
            addAffine("\(prefix).attention.query", width, width, scale: scale)
            addAffine("\(prefix).attention.key", width, width, scale: scale)
            addAffine("\(prefix).attention.value", width, width)
            addAffine("\(prefix).attention.output", width, width)
            if let landmarks = fixedLandmarks {
                let deviation = scale * pow(Double(headWidth), -0.25)
                add("\(prefix).attention.landmarks.query", [heads, landmarks, headWidth], deviation: deviation)
                add("\(prefix).attention.landmarks.key", [heads, landmarks, headWidth], deviation: deviation)
            }
            addAffine("\(prefix).feed_forward.in", feedForward, width, scale: 1.4)
            addAffine("\(prefix).feed_forward.out", width, feedForward)
            addNorm("\(prefix).norm_attention")
            addNorm("\(prefix).norm_feed_forward")
        }
        if norm == .pre { addNorm("encoder.norm") }
        addAffine("head", labels, width)
        if hasIdentityHead {
            let identity = (0..<width * width).map { Float($0 / width == $0 % width ? 1 : 0) }
            file["head.weight"] = TensorFile.Tensor([width, width], identity)
            file["head.bias"] = TensorFile.Tensor([width], [Float](repeating: 0, count: width))
        }
        return file
    }

    /// - Returns: the number of inputs of the stem's projection.
    private func stemWeights(_ add: (String, [Int], _ deviation: Double, _ mean: Double) -> Void) -> Int {
        switch stem {
        case .linear(let frames): return frames * bands
        case .convolution(let layers):
            var (channels, bands) = (1, bands)
            for (index, layer) in layers.enumerated() {
                let name = "stem.layers.\(index)"
                if layer.isSeparable {
                    add("\(name).depthwise.weight", [channels, 1, 3, 3], (2 / 9.0).squareRoot(), 0)
                    add("\(name).depthwise.bias", [channels], 0.2, 0)
                    add(
                        "\(name).pointwise.weight", [layer.channels, channels, 1, 1],
                        (2 / Double(channels)).squareRoot(), 0)
                    add("\(name).pointwise.bias", [layer.channels], 0.2, 0)
                } else {
                    add(
                        "\(name).weight", [layer.channels, channels, 3, 3], (2 / (9 * Double(channels))).squareRoot(),
                        0)
                    add("\(name).bias", [layer.channels], 0.2, 0)
                }
                channels = layer.channels
                bands = (bands + layer.bandStride - 1) / layer.bandStride
            }
            return channels * bands
        }
    }
}
