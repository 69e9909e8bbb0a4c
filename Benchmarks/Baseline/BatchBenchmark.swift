internal import ModelBenchmark
internal import StreamTransformer

/// The step of many streams beside sgemm of the same products.
struct BatchBenchmark {
    private let library: OpenBLAS
    private let roofline: Roofline
    private let system = AttentionSystem(kind: .continualNystrom, landmarks: .fixed, depth: .window, layers: 1)
    private static let streams = 64
    /// Outputs of the products of a step, each of 192 inputs: folded projections, output of attention, and the two of
    /// the feed-forward part.
    private static let outputs = [448, 192, 192, 192]

    init(_ library: OpenBLAS, _ roofline: Roofline) {
        self.library = library
        self.roofline = roofline
    }

    func run(_ report: Report) throws {
        let (width, streams) = (192, Self.streams)
        let matrices = Operand(randomCount: Self.outputs.reduce(0, +) * width)
        let x = Operand(randomCount: streams * width)
        var y = Operand(count: streams * 448)
        let model = try LayerModel.make(system, window: 120)
        var batch = StreamBatch(model, capacity: streams)
        for _ in 0..<streams { _ = batch.join() }
        let tokens = Samples.uniform(1024)
        var next = 0
        func step() throws {
            for slot in 0..<streams {
                next = (next + 1) % tokens.count
                _ = try batch.push(tokens.span.extracting(next..<next + 1), slot: slot)
            }
            batch.step()
        }
        for _ in 0..<120 { try step() }
        var comparison = Comparison(["batch", "sgemm"])
        try comparison.run(count: 1000) { candidate in
            guard candidate == 1 else { return try step() }
            var start = 0
            for outputs in Self.outputs {
                library.multiply(matrices, at: start, inputs: width, outputs: outputs, rows: streams, x, into: &y)
                start += width * outputs
            }
        }
        let (ours, theirs) = (comparison.median(0) / Double(streams), comparison.median(1) / Double(streams))
        report.time(
            "step of 64 streams, one stream's", ours,
            limit: roofline.limit(OperationCount(model.configuration), streams: streams),
            beside: .init(name: "sgemm of its products", value: theirs, ratio: theirs / ours, threshold: .atLeast(0.6)))
    }
}
