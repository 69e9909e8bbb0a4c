internal import ClassifierService
internal import Kernels
internal import StreamTransformer

/// One stream's step beside six matrix-vector products of D x D, which are about its weights.
struct StepYardstick {
    private let library: OpenBLAS
    private let system = AttentionSystem(kind: .continualNystrom, landmarks: .fixed, depth: .window, layers: 1)
    private static let width = 192
    private static let products = 6

    init(_ library: OpenBLAS) throws { self.library = library }

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
        report.figure("six sgemv 192 x 192", Report.time(sgemv))
        report.ratio(
            "step, n = 120 / six sgemv", contest.median(0) / sgemv, atMost: 1.1, Report.time(contest.median(0)))
        for (place, name, bar) in [(4, "f16", 0.8), (5, "int8", 0.6)] {
            report.ratio(
                "step, n = 120, \(name) weights / six sgemv", contest.median(place) / sgemv, atMost: bar,
                Report.time(contest.median(place)))
        }
        report.ratio(
            "step, n = 12,000 / n = 120", contest.median(3) / contest.median(0), atMost: 1.2,
            Report.time(contest.median(3)))
        try reportTail(report)
        try reportCeiling(report, step: contest.median(0))
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
            let tails = (0..<2).map { contest.quantile(0.999, $0) / contest.median($0) }
            report.ratio(
                "p99.9 / median, n = \(window)", tails[0], atMost: 4, "six sgemv: \(Report.text(tails[1]))")
        }
    }

    /// The least time that this machine takes to read a step's weights, from the cache that holds them.
    private func reportCeiling(_ report: Report, step: Double) throws {
        let count = OperationCount(try LayerModel.configuration(system, window: 120))
        let weights = AlignedBuffer(Samples.uniform(Int(count.projections + count.feedForward)))
        var contest = Contest(["read"])
        var sum: Float = 0
        contest.run(count: 2000) { _ in sum += library.square(weights) }
        let read = contest.median(0)
        report.figure(
            "reading a step's float32 weights", Report.time(read),
            "\(Decimal.text(4 * Double(weights.count) / read, 0)) GB/s"
                + (sum.isNaN ? "" : ": \(Decimal.text(100 * read / step, 0)) % of the step's time"))
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
