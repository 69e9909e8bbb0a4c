internal import AudioFrontend
internal import Glibc
internal import Kernels
internal import StreamTransformer

/// How long each stage takes on this machine, on one thread.
public struct StageBenchmark: Sendable {
    /// Times of one call in microseconds.
    public struct Row: Sendable {
        public let stage: String
        public let median: Double
        public let p99: Double
        public let largest: Double
        /// Bytes that a stream keeps, where there is one.
        public let bytes: Int?
    }

    /// Windows of the encoder layers, in tokens.
    public var windows = [120, 480, 1920, 12000]
    /// Which attention systems; nil for all.
    public var attention: String?

    public static let attentions = ["continual", "continual-nystrom"]

    public init() {}

    public func run() throws -> [Row] {
        var rows = attention == nil ? [try frontend("log-mel frame (yamnet: 64 bands, FFT 512)", .yamnet)] : []
        for kind in Self.attentions where attention == nil || attention == kind {
            for window in windows {
                rows.append(try layer(kind, window: window))
            }
        }
        return rows
    }

    public static func table(_ rows: [Row]) -> [String] {
        let header = ["microseconds, one thread, \(Kernels.best.name) kernels", "median", "p99", "maximum", "state"]
        let cells = rows.map { row in
            [
                row.stage, Decimal.text(row.median, 2), Decimal.text(row.p99, 2), Decimal.text(row.largest, 2),
                row.bytes.map { "\($0 / 1024) KiB" } ?? "",
            ]
        }
        let widths = header.indices.map { column in ([header] + cells).map { $0[column].count }.max() ?? 0 }
        return ([header] + cells).map { line in
            line.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - line[column].count)
                return column == 0 ? line[column] + space : space + line[column]
            }.joined(separator: "  ")
        }
    }

    public static func json(_ rows: [Row]) -> [String] {
        rows.map { row in
            var line = JSONLine(type: "bench")
            line.add("stage", row.stage)
            line.add("kernels", Kernels.best.name)
            line.add("median_us", row.median, decimals: 3)
            line.add("p99_us", row.p99, decimals: 3)
            line.add("max_us", row.largest, decimals: 3)
            if let bytes = row.bytes { line.add("state_bytes", bytes) }
            return line.text
        }
    }

    /// One hop of samples to one frame.
    private func frontend(_ stage: String, _ recipe: LogMelRecipe) throws -> Row {
        var extractor = try LogMelExtractor(recipe)
        let samples = (0..<recipe.hop).map { 0.5 * sinf(0.1 * Float($0)) }
        return measure(stage, count: 50_000, bytes: nil) { extractor.push(samples.span) { _ in } }
    }

    /// One token through one encoder layer of D = 192, 16 heads, FFN 192, with m = 8 landmarks; the window is full.
    private func layer(_ kind: String, window: Int) throws -> Row {
        let model = try LayerModel.make(
            width: 192, heads: 16, feedForward: 192, window: window, landmarks: kind == "continual" ? nil : 8)
        var stream = model.makeStream()
        let frame: [Float] = [0.5]
        for _ in 0..<window { _ = try model.step(frame.span, &stream) }
        let bytes = stream.bytes
        var value: Float = 0
        return try measure("\(kind) layer, D = 192, 16 heads, FFN 192, n = \(window)", count: 10_000, bytes: bytes) {
            value = value > 1 ? -1 : value + 0.01
            let frame: [Float] = [value]
            _ = try model.step(frame.span, &stream)
        }
    }

    private func measure(_ stage: String, count: Int, bytes: Int?, _ body: () throws -> Void) rethrows -> Row {
        for _ in 0..<count / 10 { try body() }
        var times = [Double](repeating: 0, count: count)
        for index in 0..<count {
            let start = Self.now()
            try body()
            times[index] = (Self.now() - start) / 1000
        }
        times.sort()
        return Row(
            stage: stage, median: times[count / 2], p99: times[count * 99 / 100], largest: times[count - 1],
            bytes: bytes)
    }

    /// In nanoseconds.
    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
