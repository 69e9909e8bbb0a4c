/// A writer of Prometheus' text format, version 0.0.4.
package struct PrometheusText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    package static let prefix = "audio_classifierd_"

    package private(set) var text = ""

    package init() {}

    /// - Parameter prefix: the beginning of the name.
    package mutating func gauge(
        _ name: String, _ help: String, _ value: Double, labels: [(String, String)] = [], prefix: String = prefix
    ) {
        head(prefix + name, "gauge", help)
        sample(prefix + name, value, labels)
    }

    package mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        counter(name, help, Double(value), prefix: Self.prefix)
    }

    package mutating func counter(_ name: String, _ help: String, _ value: Double, prefix: String) {
        head(prefix + name, "counter", help)
        sample(prefix + name, value, [])
    }

    /// Writes a counter for each value of a label.
    /// - Parameter all: values that have a sample from the start, so that the first increase is visible.
    package mutating func counter(
        _ name: String, _ help: String, label: String, _ values: [String: UInt64], all: [String] = []
    ) {
        head(Self.prefix + name, "counter", help)
        let zeros = Dictionary(all.map { ($0, UInt64(0)) }) { first, _ in first }
        for (key, value) in zeros.merging(values, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            sample(Self.prefix + name, Double(value), [(label, key)])
        }
    }

    package mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        let name = Self.prefix + name
        head(name, "histogram", help)
        var total: UInt64 = 0
        for (bound, count) in zip(Histogram.bounds.map { "\($0)" } + ["+Inf"], histogram.counts) {
            total += count
            sample("\(name)_bucket", Double(total), [("le", bound)])
        }
        sample("\(name)_sum", histogram.sum, [])
        sample("\(name)_count", Double(histogram.count), [])
    }

    private mutating func head(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func sample(_ name: String, _ value: Double, _ labels: [(String, String)]) {
        let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        text += "\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(number)\n"
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(scalar)
            }
        }.joined()
    }
}
