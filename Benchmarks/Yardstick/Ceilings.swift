internal import CPeak
internal import Kernels
internal import StreamTransformer

/// What a core of this machine gives at best, and what follows for a step: the least time for its multiply-adds, and for reading what it reads.
struct Ceilings {
    private let library: OpenBLAS
    /// A nanosecond.
    private let multiplyAdds: Double

    init(_ library: OpenBLAS, _ report: Report) {
        self.library = library
        let bits: Int32 = ["avx512": 512, "avx2": 256][Kernels.best.name] ?? 128
        let rounds = 1000
        var contest = Contest(["multiply-adds"])
        var sum: Float = 0
        contest.run(count: 2000) { _ in sum += peak_multiply_adds(bits, rounds) }
        precondition(!sum.isNaN)
        multiplyAdds = Double(PEAK_CHAINS) * Double(bits / 32) * Double(rounds) / contest.median(0)
        report.figure("multiply-adds in registers", multiplyAdds, unit: "/ns")
    }

    /// The least nanoseconds of a step of each of many streams, by the stream. A multiply-add of a matrix reads a weight, once for all streams, and one of
    /// attention a float of the stream's. Two products of integers are made in the place of one of floats.
    func limit(_ count: OperationCount, weights: WeightPrecision = .float32, streams: Int = 1) -> Double {
        let matrices = count.projections + count.feedForward
        let (bytes, rate) =
            switch weights {
            case .float32: (4.0, 1.0)
            case .float16: (2.0, 1.0)
            case .int8: (1.0, 2.0)
            }
        let read = bytes * matrices + 4 * Double(streams) * count.attention
        return max((matrices / rate + count.attention) / multiplyAdds, reading(read) / Double(streams))
    }

    /// Nanoseconds of reading that many bytes from the cache that holds them.
    private func reading(_ bytes: Double) -> Double {
        let values = AlignedBuffer(Samples.uniform(Int(bytes) / 4))
        var contest = Contest(["read"])
        var sum: Float = 0
        contest.run(count: 1000) { _ in sum += library.square(values) }
        precondition(!sum.isNaN)
        return contest.median(0)
    }
}
