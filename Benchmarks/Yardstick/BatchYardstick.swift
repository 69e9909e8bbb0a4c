internal import Kernels
internal import ModelBenchmark
internal import StreamTransformer

/// The steps of many streams beside sgemm of the same products.
struct BatchYardstick {
    private let library: OpenBLAS
    private let ceilings: Ceilings
    private let system = AttentionSystem(kind: .continualNystrom, landmarks: .fixed, depth: .window, layers: 1)
    private static let streams = 64
    /// Outputs of a step's products of 192 inputs: of the folded projections; of attention; of the feed-forward part's two.
    private static let outputs = [448, 192, 192, 192]

    init(_ library: OpenBLAS, _ ceilings: Ceilings) {
        self.library = library
        self.ceilings = ceilings
    }

    func run(_ report: Report) throws {
        let (width, streams) = (192, Self.streams)
        let matrices = AlignedBuffer(Samples.uniform(Self.outputs.reduce(0, +) * width))
        let x = AlignedBuffer(Samples.uniform(streams * width))
        var y = AlignedBuffer(count: streams * 448)
        let model = try LayerModel.make(system, window: 120)
        var batch = StreamBatch(model, capacity: streams)
        for _ in 0..<streams { _ = batch.join() }
        let tokens = Samples.uniform(1024)
        var next = 0
        func step() throws {
            for place in 0..<streams {
                next = (next + 1) % tokens.count
                _ = try batch.push(tokens.span.extracting(next..<next + 1), place: place)
            }
            batch.step()
        }
        for _ in 0..<120 { try step() }
        var contest = Contest(["batch", "sgemm"])
        try contest.run(count: 1000) { place in
            guard place == 1 else { return try step() }
            var start = 0
            for outputs in Self.outputs {
                library.multiply(matrices, at: start, inputs: width, outputs: outputs, rows: streams, x, into: &y)
                start += width * outputs
            }
        }
        let (ours, theirs) = (contest.median(0) / Double(streams), contest.median(1) / Double(streams))
        report.time(
            "step of 64 streams, one stream's", ours,
            limit: ceilings.limit(OperationCount(model.configuration), streams: streams),
            beside: .init(name: "sgemm of its products", value: theirs, ratio: theirs / ours, bar: .atLeast(0.6)))
    }
}
