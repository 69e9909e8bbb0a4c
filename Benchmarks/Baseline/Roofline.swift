internal import CPeak
internal import ModelBenchmark
internal import StreamTransformer

/// The limits of one core of this machine, and the least time of a step that follows from them: that of its
/// multiply-adds or that of its reads, whichever is longer.
struct Roofline {
    private let library: OpenBLAS
    /// Multiply-adds a nanosecond.
    private let multiplyAdds: Double

    init(_ library: OpenBLAS, _ report: Report) {
        self.library = library
        let bits: Int32 = ["avx512": 512, "avx2": 256][Model.instructionSet] ?? 128
        let rounds = 1000
        var comparison = Comparison(["multiply-adds"])
        var sum: Float = 0
        comparison.run(count: 2000) { _ in sum += peak_multiply_adds(bits, rounds) }
        precondition(!sum.isNaN)
        multiplyAdds = Double(PEAK_CHAINS) * Double(bits / 32) * Double(rounds) / comparison.median(0)
        report.figure("multiply-adds in registers", multiplyAdds, unit: "/ns")
    }

    /// Returns the least time of a step, in nanoseconds a stream. A multiply-add of a matrix reads a weight, once for
    /// all streams; a multiply-add of attention reads a float of its stream. A core multiplies two integers in the time
    /// of one float.
    func limit(_ count: OperationCount, precision: WeightPrecision = .float32, streams: Int = 1) -> Double {
        let matrices = count.projections + count.feedForward
        let (bytes, rate) =
            switch precision {
            case .float32: (4.0, 1.0)
            case .float16: (2.0, 1.0)
            case .int8: (1.0, 2.0)
            }
        let read = bytes * matrices + 4 * Double(streams) * count.attention
        return max((matrices / rate + count.attention) / multiplyAdds, reading(read) / Double(streams))
    }

    /// Returns the nanoseconds that it takes to read so many bytes from the cache that holds them.
    private func reading(_ bytes: Double) -> Double {
        let values = Operand(randomCount: Int(bytes) / 4)
        var comparison = Comparison(["read"])
        var sum: Float = 0
        comparison.run(count: 1000) { _ in sum += library.square(values) }
        precondition(!sum.isNaN)
        return comparison.median(0)
    }
}
