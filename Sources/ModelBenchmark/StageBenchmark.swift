internal import AudioFrontend
internal import Glibc
internal import Kernels
package import StreamTransformer
internal import StrictCoding

/// How long each stage takes on this machine, on one thread.
package struct StageBenchmark: Sendable {
    /// Times of one call in microseconds.
    package struct Row: Sendable {
        package let stage: String
        package let median: Double
        package let p99: Double
        package let largest: Double
        /// Bytes that a stream keeps, where there is one.
        package let bytes: Int?
    }

    /// Windows of the encoder layers, in tokens.
    package static let windows = [120, 480, 1920, 12000]
    private let windows: [Int]
    private let selection: AttentionSystem.Selection
    private let weights: WeightPrecision
    /// Streams that step together.
    private let streams: Int
    /// Whose encoder's shape the layers have; nil for the benchmark's own.
    private let model: Model?
    private var shape: EncoderConfiguration? { model?.configuration.encoder }
    /// Whether somebody asked for these very windows: then a measurement takes as long as it takes.
    private let isPatient: Bool

    /// - Parameters:
    ///   - windows: empty for all.
    ///   - model: measured as a whole; and layers have the shape of its encoder's; nil for D = 192, 16 heads, FFN 192 and m = 8 landmarks.
    ///   - streams: step together; times are then of one of them.
    package init(
        _ selection: AttentionSystem.Selection, windows: [Int], model: Model? = nil, weights: WeightPrecision,
        streams: Int = 1
    ) {
        self.selection = selection
        self.weights = weights
        self.streams = streams
        self.model = model
        self.windows = windows.isEmpty ? Self.windows : windows
        isPatient = !windows.isEmpty
    }

    /// - Parameter progress: called with the fraction that is done and the name of what comes next.
    package func run(progress: (Double, String) -> Void) throws -> [Row] {
        let cases = try selection.systems.flatMap { system in
            try windows.filter { window in
                let count = OperationCount(try LayerModel.configuration(system, window: window, like: shape))
                return isPatient || count.total < Self.longestStep
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

    /// Multiply-adds of a step that is measured without being asked for by name: a tenth of a second or so.
    private static let longestStep = 2e9

    /// "D = 192, 16 heads, FFN 192, m = 8".
    private var shapeText: String {
        let landmarks = shape?.attention.landmarks ?? LayerModel.landmarks
        return "D = \(shape?.width ?? LayerModel.width), \(shape?.heads ?? LayerModel.heads) heads, "
            + "FFN \(shape?.feedForward ?? LayerModel.feedForward), m = \(landmarks)"
    }

    package func table(_ rows: [Row]) -> [String] {
        let header = [
            "microseconds; layers of \(shapeText); \(weights.rawValue) weights; one thread, \(Kernels.best.name) kernels",
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

    package static func json(_ rows: [Row]) -> [String] {
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

    /// One hop of samples to one frame.
    private func frontend(_ stage: String, _ recipe: LogMelRecipe) throws -> Row {
        var extractor = try LogMelExtractor(recipe)
        let samples = (0..<recipe.hop).map { 0.5 * sinf(0.1 * Float($0)) }
        return measure(stage, count: 50_000, bytes: nil) { extractor.push(samples.span) { _ in } }
    }

    /// One token through encoder layers; the window is full.
    private func layer(_ system: AttentionSystem, window: Int) throws -> Row {
        let model = try LayerModel.make(system, window: window, like: shape, weights: weights)
        var stream = model.makeStream()
        var generator = SystemRandomNumberGenerator()
        if system.isContinual && system.layers == 1 || system.depth == .stream {
            for _ in 0..<window { _ = try model.step([Float.random(in: -2...2, using: &generator)].span, &stream) }
        } else {
            stream.startLate(frames: Int64(window))
        }
        let bytes = stream.bytes
        // Made beforehand: a random number of the system takes longer than some layers.
        let tokens = (0..<1024).map { _ in Float.random(in: -2...2, using: &generator) }
        var next = 0
        return try measure("\(system.name), n = \(window)", count: 10_000, bytes: bytes) {
            next = (next + 1) % tokens.count
            _ = try model.step(tokens.span.extracting(next..<next + 1), &stream)
        }
    }

    /// A token of each of many streams through encoder layers, by the stream.
    private func batch(_ system: AttentionSystem, window: Int) throws -> Row {
        let model = try LayerModel.make(system, window: window, like: shape, weights: weights)
        return try batch("\(system.name), n = \(window)", model, window: window)
    }

    /// A token of each of some streams, from its frames to its logits, by the stream; the window is full.
    private func batch(_ stage: String, _ model: Model, window: Int) throws -> Row {
        var batch = StreamBatch(model, capacity: streams)
        for _ in 0..<streams { _ = batch.join() }
        var generator = SystemRandomNumberGenerator()
        let width = model.configuration.inputWidth
        let features = (0..<max(1024, 64 * width)).map { _ in Float.random(in: -2...2, using: &generator) }
        var next = 0
        func step() throws {
            for place in 0..<streams {
                for _ in 0..<model.framesPerToken {
                    next = (next + width) % (features.count - width + 1)
                    _ = try batch.push(features.span.extracting(next..<next + width), place: place)
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
        // At most about two seconds, whatever a call takes.
        let begin = Self.now()
        try body()
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

    /// In nanoseconds.
    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
