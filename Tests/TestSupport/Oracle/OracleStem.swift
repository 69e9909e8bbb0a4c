internal import StreamTransformer

/// The map from frames to tokens (`docs/model-format.md`, "stem").
struct OracleStem {
    let configuration: ModelConfiguration
    let tensors: OracleTensors

    init(_ configuration: ModelConfiguration, _ tensors: OracleTensors) {
        self.configuration = configuration
        self.tensors = tensors
    }

    func tokens(_ frames: [[Double]]) throws -> [[Double]] {
        let mean = try tensors.vector("input.mean")
        let scale = try tensors.vector("input.scale")
        let projection = try OracleAffine("stem.projection", tensors)
        let normalised = frames.map { x in x.indices.map { (x[$0] - mean[$0]) * scale[$0] } }
        switch configuration.stem {
        case .linear(let length):
            return (0..<normalised.count / length).map { token in
                projection(normalised[token * length..<(token + 1) * length].flatMap { $0 })
            }
        case .convolution(let layers):
            var columns = normalised.map { [$0] }  // (time, channel, band)
            for (index, layer) in layers.enumerated() { columns = try convolve(columns, index, layer) }
            return columns.map { projection($0.flatMap { $0 }) }
        }
    }

    /// Computes a 3 x 3 convolution and ReLU, or, in a separable layer, that of each channel and then that of all
    /// channels in each band.
    private func convolve(_ input: [[[Double]]], _ index: Int, _ layer: StemConfiguration.ConvolutionLayer) throws
        -> [[[Double]]]
    {
        let name = "stem.layers.\(index)"
        guard layer.isSeparable else {
            let weight = try tensors.vector("\(name).weight")  // (output, input, time, band)
            let bias = try tensors.vector("\(name).bias")
            return map(input, layer, channels: layer.channels) { output, around in
                around.indices.reduce(bias[output]) { sum, c in
                    sum + dot(weight[9 * (output * around.count + c)..<9 * (output * around.count + c + 1)], around[c])
                }
            }
        }
        let depthwise = try tensors.vector("\(name).depthwise.weight")  // (channel, 1, time, band)
        let depthwiseBias = try tensors.vector("\(name).depthwise.bias")
        let pointwise = try tensors.vector("\(name).pointwise.weight")  // (output, input, 1, 1)
        let pointwiseBias = try tensors.vector("\(name).pointwise.bias")
        let filtered = map(input, layer, channels: depthwiseBias.count) { channel, around in
            depthwiseBias[channel] + dot(depthwise[9 * channel..<9 * channel + 9], around[channel])
        }
        return filtered.map { column in
            pointwiseBias.indices.map { output in
                (column.first ?? []).indices.map { f in
                    let inputs = column.map { $0[f] }
                    let row = pointwise[output * inputs.count..<(output + 1) * inputs.count]
                    return max(pointwiseBias[output] + dot(row, inputs), 0)
                }
            }
        }
    }

    /// Computes ReLU of `element`(output channel, surroundings) for every output column j and band f. The surroundings
    /// are, for each input channel, 3 times of 3 bands: the columns `time_stride * (j + 1) - 3` to `time_stride * (j +
    /// 1) - 1`, and the bands from `band_stride * f - 1` or `band_stride * f` on. Outside of the input there are zeros.
    private func map(
        _ input: [[[Double]]], _ layer: StemConfiguration.ConvolutionLayer, channels: Int,
        _ element: (_ channel: Int, _ around: [[Double]]) -> Double
    ) -> [[[Double]]] {
        let first = layer.bandPadding == .symmetric ? -1 : 0
        return (0..<input.count / layer.timeStride).map { j in
            let last = layer.timeStride * (j + 1) - 1
            let bands = input[last].first?.count ?? 0
            let surroundings = (0..<(bands + layer.bandStride - 1) / layer.bandStride).map { f in
                input[last].indices.map { c in
                    (last - 2...last).flatMap { column in
                        (0..<3).map { tap in
                            let band = layer.bandStride * f + first + tap
                            return column >= 0 && band >= 0 && band < bands ? input[column][c][band] : 0
                        }
                    }
                }
            }
            return (0..<channels).map { channel in surroundings.map { max(element(channel, $0), 0) } }
        }
    }
}

private func dot(_ a: some Collection<Double>, _ b: some Collection<Double>) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}
