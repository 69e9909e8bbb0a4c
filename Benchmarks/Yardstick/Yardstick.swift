internal import AudioClassifier
internal import Glibc
internal import Kernels
internal import StreamTransformer
internal import StrictCoding

/// One step, and many streams' steps, against what the same products cost in OpenBLAS, in the same run (docs/performance.md): `make bench`.
@main
struct Yardstick {
    static func main() throws {
        guard let library = OpenBLAS() else {
            print("yardstick: libopenblas.so.0 is not installed (Debian: libopenblas0)")
            exit(69)
        }
        let report = Report()
        report.title(
            "\(Kernels.best.name) kernels; a layer of D = 192, 16 heads, FFN 192, m = 8; medians taken in turns, one thread"
        )
        let ceilings = Ceilings(library, report)
        try StepYardstick(library, ceilings).run(report)
        try BatchYardstick(library, ceilings).run(report)
    }
}

/// Figures as JSON lines, of which `Benchmarks/table.py` makes a table.
struct Report {
    /// What a figure is compared with.
    struct Beside {
        let name: String
        /// In the figure's unit.
        let value: Double
        let ratio: Double
        let bar: Bar?
    }
    enum Bar { case atMost(Double), atLeast(Double) }

    func title(_ text: String) {
        var line = JSONWriter(type: "title")
        line.add("title", text)
        print(line.text)
    }

    /// A time in nanoseconds.
    func time(_ name: String, _ time: Double, limit: Double? = nil, beside: Beside? = nil) {
        figure(
            name, time / 1000, unit: "us", limit: limit.map { $0 / 1000 },
            beside: beside.map { Beside(name: $0.name, value: $0.value / 1000, ratio: $0.ratio, bar: $0.bar) })
    }

    func figure(_ name: String, _ value: Double, unit: String, limit: Double? = nil, beside: Beside? = nil) {
        var line = JSONWriter(type: "figure")
        line.add("name", name)
        line.add("here", value, decimals: 4)
        line.add("unit", unit)
        if let limit { line.add("limit", limit, decimals: 4) }
        if let beside {
            line.add("beside", beside.name)
            line.add("theirs", beside.value, decimals: 4)
            line.add("ratio", beside.ratio, decimals: 4)
            switch beside.bar {
            case .atMost(let bar): line.add("at_most", bar, decimals: 4)
            case .atLeast(let bar): line.add("at_least", bar, decimals: 4)
            case nil: break
            }
        }
        print(line.text)
    }
}
