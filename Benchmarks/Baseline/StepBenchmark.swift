internal import ModelBenchmark
internal import StreamTransformer

/// One stream's step beside six matrix-vector products of D x D, which have about as many weights.
struct StepBenchmark {
    private let library: OpenBLAS
    private let roofline: Roofline
    private let system = AttentionSystem(kind: .continualNystrom, landmarks: .fixed, depth: .window, layers: 1)
    private static let width = 192
    private static let products = 6

    init(_ library: OpenBLAS, _ roofline: Roofline) {
        self.library = library
        self.roofline = roofline
    }

    func run(_ report: Report) throws {
        let matrices = Operand(randomCount: Self.products * Self.width * Self.width)
        let x = Operand(randomCount: Self.width)
        var y = Operand(count: Self.width)
        var step = try FilledStream(system, window: 120)
        var long = try FilledStream(system, window: 12_000)
        var half = try FilledStream(system, window: 120, precision: .float16)
        var integer = try FilledStream(system, window: 120, precision: .int8)
        var comparison = Comparison(["step", "sgemv by rows", "sgemv by columns", "n = 12,000", "f16", "int8"])
        try comparison.run(count: 20_000) { candidate in
            switch candidate {
            case 0: try step.step()
            case 3: try long.step()
            case 4: try half.step()
            case 5: try integer.step()
            default:
                for product in 0..<Self.products {
                    library.multiply(
                        matrices, at: product * Self.width * Self.width, size: Self.width, byColumns: candidate == 2, x,
                        into: &y)
                }
            }
        }
        let sgemv = min(comparison.median(1), comparison.median(2))
        func row(
            _ name: String, _ candidate: Int, _ precision: WeightPrecision, _ model: Model, beside: String,
            _ theirs: Double,
            atMost threshold: Double
        ) {
            report.time(
                name, comparison.median(candidate),
                limit: roofline.limit(OperationCount(model.configuration), precision: precision),
                beside: .init(
                    name: beside, value: theirs, ratio: comparison.median(candidate) / theirs,
                    threshold: .atMost(threshold)))
        }
        let products = "six sgemv 192 x 192"
        row("step, n = 120", 0, .float32, step.model, beside: products, sgemv, atMost: 1.1)
        row("step, n = 120, f16 weights", 4, .float16, half.model, beside: products, sgemv, atMost: 0.8)
        row("step, n = 120, int8 weights", 5, .int8, integer.model, beside: products, sgemv, atMost: 0.6)
        row("step, n = 12,000", 3, .float32, long.model, beside: "step, n = 120", comparison.median(0), atMost: 1.2)
        try reportTail(report)
    }

    /// Reports the slowest steps by the thread's own clock, and beside them the slowest products of the library, which
    /// show how much of it is the machine.
    private func reportTail(_ report: Report) throws {
        let matrices = Operand(randomCount: Self.products * Self.width * Self.width)
        let x = Operand(randomCount: Self.width)
        var y = Operand(count: Self.width)
        for window in [120, 12_000] {
            var stream = try FilledStream(system, window: window)
            var comparison = Comparison(["step", "sgemv"])
            try comparison.run(count: 20_000, clock: .thread) { candidate in
                guard candidate == 1 else { return try stream.step() }
                for product in 0..<Self.products {
                    library.multiply(
                        matrices, at: product * Self.width * Self.width, size: Self.width, byColumns: true, x, into: &y)
                }
            }
            for (candidate, name, threshold) in [
                (0, "step, n = \(window)", Report.Threshold.atMost(4)), (1, "six sgemv", nil),
            ] {
                let (tail, median) = (comparison.quantile(0.999, candidate), comparison.median(candidate))
                report.time(
                    "\(name), 99.9th percentile", tail,
                    beside: .init(name: "its median", value: median, ratio: tail / median, threshold: threshold))
            }
        }
    }
}

/// A stream of one layer with a full window, and tokens for it.
struct FilledStream: ~Copyable {
    let model: Model
    private var stream: StreamState
    private let tokens: [Float]
    private var next = 0

    init(_ system: AttentionSystem, window: Int, precision: WeightPrecision = .float32) throws {
        let model = try LayerModel.make(system, window: window, precision: precision)
        let tokens = Samples.uniform(1024)
        var stream = model.makeStream()
        for position in 0..<window {
            let index = position % tokens.count
            _ = try model.step(tokens.span.extracting(index..<index + 1), &stream)
        }
        self.model = model
        self.tokens = tokens
        self.stream = stream
    }

    mutating func step() throws {
        next = (next + 1) % tokens.count
        let tokens = tokens
        _ = try model.step(tokens.span.extracting(next..<next + 1), &stream)
    }
}

enum Samples {
    static func uniform(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1...1) } }
}
