internal import Kernels
internal import ModelBenchmark
internal import StreamTransformer

/// One stream's step beside six matrix-vector products of D x D, which are about its weights.
struct StepYardstick {
    private let library: OpenBLAS
    private let ceilings: Ceilings
    private let system = AttentionSystem(kind: .continualNystrom, landmarks: .fixed, depth: .window, layers: 1)
    private static let width = 192
    private static let products = 6

    init(_ library: OpenBLAS, _ ceilings: Ceilings) {
        self.library = library
        self.ceilings = ceilings
    }

    func run(_ report: Report) throws {
        let matrices = AlignedBuffer(Samples.uniform(Self.products * Self.width * Self.width))
        let x = AlignedBuffer(Samples.uniform(Self.width))
        var y = AlignedBuffer(count: Self.width)
        var step = try FilledStream(system, window: 120)
        var long = try FilledStream(system, window: 12_000)
        var half = try FilledStream(system, window: 120, weights: .float16)
        var integer = try FilledStream(system, window: 120, weights: .int8)
        var contest = Contest(["step", "sgemv by rows", "sgemv by columns", "n = 12,000", "f16", "int8"])
        try contest.run(count: 20_000) { place in
            switch place {
            case 0: try step.step()
            case 3: try long.step()
            case 4: try half.step()
            case 5: try integer.step()
            default:
                for product in 0..<Self.products {
                    library.multiply(
                        matrices, at: product * Self.width * Self.width, size: Self.width, byColumns: place == 2, x,
                        into: &y)
                }
            }
        }
        let sgemv = min(contest.median(1), contest.median(2))
        func row(
            _ name: String, _ place: Int, _ weights: WeightPrecision, _ model: Model, beside: String, _ theirs: Double,
            atMost bar: Double
        ) {
            report.time(
                name, contest.median(place),
                limit: ceilings.limit(OperationCount(model.configuration), weights: weights),
                beside: .init(name: beside, value: theirs, ratio: contest.median(place) / theirs, bar: .atMost(bar)))
        }
        let products = "six sgemv 192 x 192"
        row("step, n = 120", 0, .float32, step.model, beside: products, sgemv, atMost: 1.1)
        row("step, n = 120, f16 weights", 4, .float16, half.model, beside: products, sgemv, atMost: 0.8)
        row("step, n = 120, int8 weights", 5, .int8, integer.model, beside: products, sgemv, atMost: 0.6)
        row("step, n = 12,000", 3, .float32, long.model, beside: "step, n = 120", contest.median(0), atMost: 1.2)
        try reportTail(report)
    }

    /// The slowest steps, by the thread's own clock, and the slowest products of the library: what they share is the machine's.
    private func reportTail(_ report: Report) throws {
        let matrices = AlignedBuffer(Samples.uniform(Self.products * Self.width * Self.width))
        let x = AlignedBuffer(Samples.uniform(Self.width))
        var y = AlignedBuffer(count: Self.width)
        for window in [120, 12_000] {
            var stream = try FilledStream(system, window: window)
            var contest = Contest(["step", "sgemv"])
            try contest.run(count: 20_000, clock: .thread) { place in
                guard place == 1 else { return try stream.step() }
                for product in 0..<Self.products {
                    library.multiply(
                        matrices, at: product * Self.width * Self.width, size: Self.width, byColumns: true, x, into: &y)
                }
            }
            for (place, name, bar) in [(0, "step, n = \(window)", Report.Bar.atMost(4)), (1, "six sgemv", nil)] {
                let (tail, median) = (contest.quantile(0.999, place), contest.median(place))
                report.time(
                    "\(name), 99.9th percentile", tail,
                    beside: .init(name: "its median", value: median, ratio: tail / median, bar: bar))
            }
        }
    }
}

/// A stream of one layer whose window is full, and tokens for it.
struct FilledStream: ~Copyable {
    let model: Model
    private var stream: StreamState
    private let tokens: [Float]
    private var next = 0

    init(_ system: AttentionSystem, window: Int, weights: WeightPrecision = .float32) throws {
        let model = try LayerModel.make(system, window: window, weights: weights)
        let tokens = Samples.uniform(1024)
        var stream = model.makeStream()
        for position in 0..<window {
            let place = position % tokens.count
            _ = try model.step(tokens.span.extracting(place..<place + 1), &stream)
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
