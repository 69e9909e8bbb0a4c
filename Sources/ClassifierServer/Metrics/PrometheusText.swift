/// A writer of Prometheus' text format, version 0.0.4.
package struct PrometheusText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    package static let prefix = "audio_classifierd_"

    package private(set) var text = ""

    package init() {}

    package mutating func gauge(_ name: String, _ help: String, _ value: Double, labels: [(String, String)] = []) {
        head(name, "gauge", help)
        sample(name, value, labels)
    }

    package mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        head(name, "counter", help)
        sample(name, Double(value), [])
    }

    /// Writes a counter for each value of a label.
    package mutating func counter(_ name: String, _ help: String, label: String, _ values: [String: UInt64]) {
        head(name, "counter", help)
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { sample(name, Double(value), [(label, key)]) }
    }

    package mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
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
        text += "# HELP \(Self.prefix)\(name) \(help)\n# TYPE \(Self.prefix)\(name) \(type)\n"
    }

    private mutating func sample(_ name: String, _ value: Double, _ labels: [(String, String)]) {
        let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        text += "\(Self.prefix)\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(number)\n"
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
