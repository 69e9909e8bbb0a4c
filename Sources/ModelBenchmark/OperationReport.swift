internal import AudioClassifier
internal import FoundationEssentials
public import StreamTransformer
internal import StrictCoding

/// The multiply-adds of a prediction of each attention system, computed from the configuration.
public struct OperationReport: Sendable {
    public struct Row: Sendable {
        public let system: AttentionSystem
        public let window: Int
        public let count: OperationCount
    }

    public let rows: [Row]
    /// Name of the model whose shape, stem and head are counted; nil for the benchmark's layers.
    public let model: String?

    /// Counts layers of D = 192, 16 heads, FFN 192 and m = 8 landmarks, or those of a model with its stem and head.
    /// - Parameter windows: in tokens; empty for the default ones, without those that cost more than a model may.
    public init(_ selection: AttentionSystem.Selection, windows: [Int], model: Model?) throws {
        let around = model.map { OperationCount($0.configuration) }
        var rows: [Row] = []
        for system in selection.systems {
            for window in windows.isEmpty ? StageBenchmark.windows : windows {
                let encoder: EncoderConfiguration
                do {
                    encoder = try LayerModel.configuration(system, window: window, like: model?.configuration.encoder)
                        .encoder
                } catch let error as ClassifierError where windows.isEmpty && error.code == LayerModel.errorCode {
                    continue
                }
                var count = OperationCount(encoder)
                (count.stem, count.head) = (around?.stem ?? 0, around?.head ?? 0)
                rows.append(Row(system: system, window: window, count: count))
            }
        }
        self.rows = rows
        self.model = model?.configuration.name
    }

    /// Lines of a table.
    public var table: [String] {
        let title = model.map { "thousand multiply-adds a prediction, as \($0)" } ?? "thousand multiply-adds a step"
        let header =
            [title, "n", "attention", "with projections", "and FFN"] + (model == nil ? [] : ["and stem, head"])
        return TextTable.lines(
            [header]
                + rows.map { row in
                    let count = row.count
                    let sums = [
                        count.attention, count.attention + count.projections, count.layers,
                    ]
                    return [row.system.name, "\(row.window)"]
                        + (sums + (model == nil ? [] : [count.total])).map(Self.thousands)
                })
    }

    /// JSON objects, one a line.
    public var json: [String] {
        rows.map { row in
            var line = JSONWriter(type: "operations")
            line.add("attention", row.system.kind.rawValue)
            if let landmarks = row.system.landmarks { line.add("landmarks", landmarks.rawValue) }
            line.add("layers", row.system.layers)
            line.add("depth", row.system.depth.rawValue)
            line.add("window", row.window)
            let count = row.count
            for (name, value) in [
                ("stem", count.stem), ("projections", count.projections), ("attention_only", count.attention),
                ("feed_forward", count.feedForward), ("head", count.head), ("total", count.total),
            ] {
                line.add("\(name)_mac", value, decimals: 1)
            }
            return line.text
        }
    }

    /// Returns a number in thousands with a comma every three digits, such as 1,234.5.
    private static func thousands(_ count: Double) -> String {
        let text = Decimal.text(count / 1000, count < 1e6 ? 1 : 0)
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        var digits = ""
        for (index, digit) in parts[0].reversed().enumerated() {
            if index > 0, index % 3 == 0 { digits.append(",") }
            digits.append(digit)
        }
        return String(digits.reversed()) + (parts.count > 1 ? ".\(parts[1])" : "")
    }
}
