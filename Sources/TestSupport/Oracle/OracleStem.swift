internal import StreamTransformer

/// Frames to tokens (`docs/model-format.md`, "stem").
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

    /// A 3 x 3 convolution and ReLU: output (j, f) reads the columns `time_stride * (j + 1) - 3` to
    /// `time_stride * (j + 1) - 1` and the bands `band_stride * f - 1` to `band_stride * f + 1`; outside of the input
    /// there are zeros.
    private func convolve(_ input: [[[Double]]], _ index: Int, _ layer: StemConfiguration.ConvolutionLayer) throws
        -> [[[Double]]]
    {
        guard let channels = input.first?.count, let bands = input.first?.first?.count else { return [] }
        let weight = try tensors.vector("stem.layers.\(index).weight")  // (output, input, time, band)
        let bias = try tensors.vector("stem.layers.\(index).bias")
        let outputBands = (bands + layer.bandStride - 1) / layer.bandStride
        func element(_ j: Int, _ output: Int, _ f: Int) -> Double {
            var sum = bias[output]
            for c in 0..<channels {
                for time in 0..<3 {
                    for band in 0..<3 {
                        let column = layer.timeStride * (j + 1) - 3 + time
                        let place = layer.bandStride * f - 1 + band
                        guard column >= 0, place >= 0, place < bands else { continue }
                        sum += weight[((output * channels + c) * 3 + time) * 3 + band] * input[column][c][place]
                    }
                }
            }
            return max(sum, 0)
        }
        return (0..<input.count / layer.timeStride).map { j in
            (0..<layer.channels).map { output in (0..<outputBands).map { f in element(j, output, f) } }
        }
    }
}
