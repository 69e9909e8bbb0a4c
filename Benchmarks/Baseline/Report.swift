internal import Foundation

/// Figures as JSON lines, of which `Benchmarks/table.py` makes a table.
struct Report {
    /// The figure of a baseline, and how the two compare.
    struct Baseline {
        let name: String
        /// In the figure's unit.
        let value: Double
        let ratio: Double
        let threshold: Threshold?
    }
    enum Threshold { case atMost(Double), atLeast(Double) }

    func title(_ text: String) { write(["title": text]) }

    /// Reports a time in nanoseconds as microseconds.
    func time(_ name: String, _ time: Double, limit: Double? = nil, beside: Baseline? = nil) {
        figure(
            name, time / 1000, unit: "us", limit: limit.map { $0 / 1000 },
            beside: beside.map {
                Baseline(name: $0.name, value: $0.value / 1000, ratio: $0.ratio, threshold: $0.threshold)
            })
    }

    func figure(_ name: String, _ value: Double, unit: String, limit: Double? = nil, beside: Baseline? = nil) {
        var row = Row(name: name, here: value, unit: unit, limit: limit)
        if let beside {
            (row.beside, row.theirs, row.ratio) = (beside.name, beside.value, beside.ratio)
            switch beside.threshold {
            case .atMost(let threshold): row.atMost = threshold
            case .atLeast(let threshold): row.atLeast = threshold
            case nil: break
            }
        }
        write(row)
    }

    /// A row with the keys that `table.py` reads.
    private struct Row: Encodable {
        let name: String
        let here: Double
        let unit: String
        let limit: Double?
        var beside: String?
        var theirs: Double?
        var ratio: Double?
        var atMost: Double?
        var atLeast: Double?

        enum CodingKeys: String, CodingKey {
            case name, here, unit, limit, beside, theirs, ratio
            case atMost = "at_most"
            case atLeast = "at_least"
        }
    }

    private func write(_ line: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(line) else { preconditionFailure("a figure is a finite number") }
        print(String(decoding: data, as: UTF8.self))
    }
}
