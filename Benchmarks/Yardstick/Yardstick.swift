internal import ClassifierService
internal import Glibc
internal import Kernels
internal import StreamTransformer

/// One step, and many streams' steps, against what the same products cost in OpenBLAS, in the same run (docs/performance.md): `make bench`.
@main
struct Yardstick {
    static func main() throws {
        guard let library = OpenBLAS() else {
            print("yardstick: libopenblas.so.0 is not installed (Debian: libopenblas0)")
            exit(69)
        }
        let report = Report()
        report.title("\(Kernels.best.name) kernels; D = 192, 16 heads, FFN 192, m = 8; medians, one thread")
        let step = try StepYardstick(library)
        try step.run(report)
        try BatchYardstick(library).run(report)
    }
}

/// A table, a line at a time.
struct Report {
    func title(_ text: String) {
        print("\(text)\n")
        line("", "measured", "asked", "")
    }

    /// A ratio of two times beside the bar for it.
    func ratio(_ name: String, _ ratio: Double, atMost bar: Double, _ note: String) {
        line(name, Self.text(ratio), "<= \(Self.text(bar))", note)
    }

    func ratio(_ name: String, _ ratio: Double, atLeast bar: Double, _ note: String) {
        line(name, Self.text(ratio), ">= \(Self.text(bar))", note)
    }

    func figure(_ name: String, _ value: String, _ note: String = "") { line(name, value, "", note) }

    static func text(_ value: Double) -> String { Decimal.text(value, 2) }

    /// Nanoseconds as microseconds.
    static func time(_ nanoseconds: Double) -> String { "\(text(nanoseconds / 1000)) us" }

    private func line(_ name: String, _ value: String, _ bar: String, _ note: String) {
        func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
            let space = String(repeating: " ", count: max(0, width - text.count))
            return left ? space + text : text + space
        }
        print(padded(name, 46) + padded(value, 12, left: true) + padded(bar, 10, left: true) + "   " + note)
    }
}
