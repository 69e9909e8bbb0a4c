internal import Glibc
internal import ModelBenchmark
internal import StreamTransformer

/// Times of one step and of many streams' steps beside the same products in OpenBLAS, measured in the same run
/// (docs/performance.md): `make bench`.
@main
struct Baseline {
    static func main() throws {
        guard let library = OpenBLAS() else {
            print("baseline: libopenblas.so.0 is not installed (Debian: libopenblas0)")
            exit(69)
        }
        let report = Report()
        report.title(
            "\(Model.instructionSet) kernels; a layer of D = 192, 16 heads, FFN 192, m = 8; "
                + "medians taken in turns, one thread"
        )
        let roofline = Roofline(library, report)
        try StepBenchmark(library, roofline).run(report)
        try BatchBenchmark(library, roofline).run(report)
    }
}
