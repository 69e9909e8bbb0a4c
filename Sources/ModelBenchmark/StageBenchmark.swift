internal import AudioClassifier
internal import AudioFrontend
internal import Glibc
internal import Kernels
public import StreamTransformer
internal import StrictCoding

/// The time of each stage on this machine, on one thread.
public struct StageBenchmark: Sendable {
    /// Times of one call, in microseconds.
    public struct Row: Sendable {
        public let stage: String
        public let median: Double
        public let p99: Double
        public let largest: Double
        /// Bytes of a stream; nil for a stage without one.
        public let bytes: Int?
    }

    /// Default windows of the encoder layers, in tokens.
    public static let windows = [120, 480, 1920, 12000]
    private let windows: [Int]
    private let selection: AttentionSystem.Selection
    private let precision: WeightPrecision
    /// Number of streams that are stepped together.
    private let streams: Int
    /// Model whose encoder gives the layers their shape; nil for the benchmark's own shape.
    private let model: Model?
    private var shape: EncoderConfiguration? { model?.configuration.encoder }
    /// Whether the caller chose the windows. Slow systems are skipped otherwise.
    private let hasChosenWindows: Bool

    /// - Parameters:
    ///   - windows: in tokens; empty for the default ones.
    ///   - model: a model to measure as a whole, whose encoder gives the layers their shape; nil for layers of D = 192,
    ///     16 heads, FFN 192 and m = 8 landmarks.
    ///   - streams: number of streams that are stepped together; times are then those of one of them.
    public init(
        _ selection: AttentionSystem.Selection, windows: [Int], model: Model? = nil, precision: WeightPrecision,
        streams: Int = 1
    ) {
        self.selection = selection
        self.precision = precision
        self.streams = streams
        self.model = model
        self.windows = windows.isEmpty ? Self.windows : windows
        hasChosenWindows = !windows.isEmpty
    }

    /// Measures all stages.
    /// - Parameter progress: called with the completed fraction and the name of the next stage.
    public func run(progress: (Double, String) -> Void) throws -> [Row] {
        let cases = try selection.systems.flatMap { system in
            try windows.filter { window in
                do {
                    let count = OperationCount(try LayerModel.configuration(system, window: window, like: shape))
                    return hasChosenWindows || count.total < Self.longestStep
                } catch let error as ClassifierError where !hasChosenWindows && error.code == LayerModel.errorCode {
                    return false  // it costs more than a model may
                }
            }.map { (system, $0) }
        }
        var rows: [Row] = []
        if selection.kind == nil {
            rows.append(try frontend("log-mel frame (yamnet: 64 bands, FFT 512)", .yamnet))
            if let model {
                progress(0, model.configuration.name)
                rows.append(
                    try batch("\(model.configuration.name), frames to logits", model, window: model.warmUpTokens))
            }
        }
        for (index, (system, window)) in cases.enumerated() {
            progress(Double(index) / Double(cases.count), "\(system.name), n = \(window)")
            rows.append(try streams == 1 ? layer(system, window: window) : batch(system, window: window))
        }
        return rows
    }

    /// Largest step that is measured by default, in multiply-adds: about a tenth of a second.
    private static let longestStep = 2e9

    /// Shape of the layers, such as "D = 192, 16 heads, FFN 192, m = 8".
    private var shapeText: String {
        let landmarks = shape?.attention.landmarks ?? LayerModel.landmarks
        return "D = \(shape?.width ?? LayerModel.width), \(shape?.heads ?? LayerModel.heads) heads, "
            + "FFN \(shape?.feedForward ?? LayerModel.feedForward), m = \(landmarks)"
    }

    /// Returns the lines of a table.
    public func table(_ rows: [Row]) -> [String] {
        let kernels = Kernels.best.name
        let header = [
            "microseconds; layers of \(shapeText); \(precision.rawValue) weights; one thread, \(kernels) kernels",
            "median", "p99", "maximum", "state",
        ]
        let cells = rows.map { row in
            [
                row.stage, Decimal.text(row.median, 2), Decimal.text(row.p99, 2), Decimal.text(row.largest, 2),
                row.bytes.map { "\($0 / 1024) KiB" } ?? "",
            ]
        }
        return TextTable.lines([header] + cells)
    }

    /// Returns JSON objects, one a line.
    public static func json(_ rows: [Row]) -> [String] {
        rows.map { row in
            var line = JSONWriter(type: "bench")
            line.add("stage", row.stage)
            line.add("kernels", Kernels.best.name)
            line.add("median_us", row.median, decimals: 3)
            line.add("p99_us", row.p99, decimals: 3)
            line.add("max_us", row.largest, decimals: 3)
            if let bytes = row.bytes { line.add("state_bytes", bytes) }
            return line.text
        }
    }

    /// Measures one hop of samples to one frame.
    private func frontend(_ stage: String, _ recipe: LogMelRecipe) throws -> Row {
        var extractor = try LogMelExtractor(recipe)
        let samples = (0..<recipe.hop).map { 0.5 * sinf(0.1 * Float($0)) }
        return measure(stage, count: 50_000, bytes: nil) { extractor.push(samples.span) { _ in } }
    }

    /// Measures one token through encoder layers with a full window.
    private func layer(_ system: AttentionSystem, window: Int) throws -> Row {
        let model = try LayerModel.make(system, window: window, like: shape, precision: precision)
        var stream = model.makeStream()
        var generator = SystemRandomNumberGenerator()
        if system.isContinual || system.depth == .stream {
            for _ in 0..<window { _ = try model.step([Float.random(in: -2...2, using: &generator)].span, &stream) }
        } else {
            stream.startLate(tokens: Int64(window))
        }
        let bytes = stream.bytes
        // Made beforehand, because a random number of the system takes longer than some layers.
        let tokens = (0..<1024).map { _ in Float.random(in: -2...2, using: &generator) }
        var next = 0
        return try measure("\(system.name), n = \(window)", count: 10_000, bytes: bytes) {
            next = (next + 1) % tokens.count
            _ = try model.step(tokens.span.extracting(next..<next + 1), &stream)
        }
    }

    /// Measures a token of each of many streams through encoder layers, a stream's share of the time.
    private func batch(_ system: AttentionSystem, window: Int) throws -> Row {
        let model = try LayerModel.make(system, window: window, like: shape, precision: precision)
        return try batch("\(system.name), n = \(window)", model, window: window)
    }

    /// Measures a token of each stream from its frames to its logits, a stream's share of the time. The window is full.
    private func batch(_ stage: String, _ model: Model, window: Int) throws -> Row {
        var batch = StreamBatch(model, capacity: streams)
        for _ in 0..<streams { _ = batch.join() }
        var generator = SystemRandomNumberGenerator()
        let width = model.configuration.inputWidth
        let features = (0..<max(1024, 64 * width)).map { _ in Float.random(in: -2...2, using: &generator) }
        var next = 0
        func step() throws {
            for slot in 0..<streams {
                for _ in 0..<model.framesPerToken {
                    next = (next + width) % (features.count - width + 1)
                    _ = try batch.push(features.span.extracting(next..<next + width), slot: slot)
                }
            }
            batch.step()
        }
        for _ in 0..<window { try step() }
        let row = try measure(
            streams == 1 ? stage : "\(stage), one of \(streams) streams", count: 2000, bytes: model.makeStream().bytes,
            step)
        let share = 1 / Double(streams)
        return Row(
            stage: row.stage, median: row.median * share, p99: row.p99 * share, largest: row.largest * share,
            bytes: row.bytes)
    }

    private func measure(_ stage: String, count: Int, bytes: Int?, _ body: () throws -> Void) rethrows -> Row {
        // About two seconds at most.
        let begin = Self.now()
        try body()
        // Invariant: measured times and the numbers of repeats are small.
        let count = max(3, min(count, Int(2e9 / (Self.now() - begin))))
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

    /// Returns the monotonic clock in nanoseconds.
    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
