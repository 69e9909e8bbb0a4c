internal import Glibc
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A `config.json` that violates the format is refused, and the message names the key.
@Suite struct ConfigurationRefusalTests {
    struct Change: Sendable, CustomTestStringConvertible {
        let path: [String]
        let value: JSONValue?
        let parts: [String]

        /// - Parameters:
        ///   - value: the new value of the key at `path`; nil removes the key.
        ///   - parts: parts of the expected message.
        init(_ path: String, _ value: JSONValue?, _ parts: String...) {
            self.path = path.split(separator: ".").map(String.init)
            self.value = value
            self.parts = parts
        }

        var testDescription: String { "\(path.joined(separator: ".")) = \(value.map { "\($0)" } ?? "nothing")" }
    }

    static let changes: [Change] = [
        Change("format_version", 2, "format_version: version 2 is not 1"),
        Change("format_version", 0, "format_version: version 0 is not 1"),
        Change("format_version", "1", "format_version: expected Int"),
        Change("surprise", 1, "surprise: unknown key \"surprise\"", "known keys are"),
        Change("encoder.dropout", 0.1, "encoder.dropout: unknown key \"dropout\""),
        Change("encoder.attention.segments", 3, "encoder.attention.segments: unknown key"),
        Change("encoder.attention.inverse.scale", 3, "encoder.attention.inverse.scale: unknown key"),
        Change("encoder.position.offset", 1, "encoder.position.offset: unknown key"),
        Change("stem.stride", 1, "stem.stride: unknown key"),
        Change("decision.threshhold", 0.5, "decision.threshhold: unknown key"),
        Change("weights.md5", "", "weights.md5: unknown key"),
        Change("golden.relative", 1e-4, "golden.relative: unknown key"),
        Change("name", "", "name: \"\" is not of a-z, 0-9 and -"),
        Change("name", "../keywords", "name: \"../keywords\""),
        Change("labels", .array([]), "labels: there are 0 labels"),
        Change("labels", .array(["a", "a", "b", "c", "d"]), "labels: a label is empty or there twice"),
        Change("labels", .array(["a", "", "b", "c", "d"]), "labels: a label is empty or there twice"),
        Change("labels", .array(["a", 1, "b", "c", "d"]), "labels.", "1: expected String"),
        Change("labels", .array(["a", "b\n", "c", "d", "e"]), "labels: label 1 has a control character"),
        Change("labels", .array(["a", "b", "\u{7F}", "d", "e"]), "labels: label 2 has a control character"),
        Change(
            "labels", .array([.string(String(repeating: "é", count: 513)), "b", "c", "d", "e"]),
            "labels: label 0 has 1026 bytes, and 1024 are the most"),
        Change("background", .array(["label 9"]), "background: a background label is not one of the labels"),
        Change("summary", .object(["label 9": "mean"]), "summary: a statistic names a label that there is not"),
        Change("summary", .object(["label 0": "median"]), "summary.label 0"),
        Change("parents", .object(["label 9": .array(["label 0"])]), "parents: \"label 9\" is not one of the labels"),
        Change("parents", .object(["label 0": .array(["label 9"])]), "parents: \"label 9\" is not one of the labels"),
        Change("parents", .object(["label 0": .array([])]), "parents: the parents of \"label 0\" are none"),
        Change(
            "parents", .object(["label 0": .array(["label 1", "label 1"])]), "parents: the parents of \"label 0\""),
        Change("parents", .object(["label 0": .array(["label 0"])]), "parents: \"label 0\" is above itself"),
        Change(
            "parents",
            .object(["label 0": .array(["label 1"]), "label 1": .array(["label 2"]), "label 2": .array(["label 1"])]),
            "parents: \"label 1\" is above itself"),
        Change("parents", .object(["label 0": "label 1"]), "parents.label 0: expected a list"),
        Change("smoothing_ms", -1, "smoothing_ms: -1 ms are not in 0 ... 60000"),
        Change("summary_from_ms", 60_001, "summary_from_ms: 60001 ms are not in 0 ... 60000"),
        Change("input_width", 0, "input_width: 0 is not in 1 ... 65536"),
        Change("input_width", 1.5, "config.json"),
        Change("activation", "tanh", "activation"),
        Change("weights.file", "../model.safetensors", "weights.file: \"../model.safetensors\" is not the name"),
        Change("weights.file", "model.bin", "weights.file: \"model.bin\""),
        Change("golden.tolerance", 0, "golden: the tolerance is not in"),
        Change("golden.tolerance", 1, "golden: the tolerance is not in"),
        Change("encoder.width", 0, "encoder.width: 0 is not in"),
        Change("encoder.width", 1e9, "encoder.width: 1000000000 is not in"),
        Change("encoder.heads", 5, "encoder.heads: 5 heads do not divide a width of 12"),
        Change("encoder.heads", 0, "encoder.heads: 0 heads do not divide"),
        Change("encoder.heads", -3, "encoder.heads: -3 heads do not divide"),
        Change("encoder.layers", 0, "encoder.layers: 0 is not in 1 ... 256"),
        Change("encoder.layers", 1e6, "encoder.layers: 1000000 is not in"),
        Change("encoder.feed_forward", 0, "encoder.feed_forward: 0 is not in"),
        Change("encoder.window", 1, "encoder.window: 1 tokens are not in 2 ..."),
        Change("encoder.window", 0, "encoder.window: 0 tokens"),
        Change("encoder.window", -5, "encoder.window: -5 tokens"),
        Change("encoder.window", 1e9, "encoder.window: 1000000000 tokens"),
        Change("encoder.depth", "both", "encoder.depth"),
        Change("encoder.norm", "both", "encoder.norm"),
        Change("encoder.activation", "swish", "encoder.activation"),
        Change("encoder.attention.kind", "half", "encoder.attention.kind: \"half\" is none of full"),
        Change(
            "encoder.attention.kind", "full", "encoder.attention.", "the kind \"full\" has no such key"),
        Change("encoder.attention.landmarks", "moving", "encoder.attention.landmarks: \"moving\" is neither"),
        Change(
            "encoder.attention", segments(4, "continual"),
            "encoder.attention: 4 landmarks do not divide a window of 6"),
        Change("encoder.attention", segments(7, "continual"), "encoder.attention: 7 landmarks are not in 1 ... window"),
        Change(
            "encoder.attention",
            .object(["kind": "nystromformer", "count": 4, "inverse": .object(["kind": "ridge", "lambda": 0.01])]),
            "encoder.attention: 4 landmarks do not divide a window of 6"),
        Change(
            "encoder.attention",
            .object(["kind": "nystromformer", "landmarks": "fixed", "count": 3, "inverse": .null]),
            "encoder.attention.landmarks: the kind \"nystromformer\" has no such key"),
        Change(
            "encoder.attention.inverse", .object(["kind": "ridge", "lambda": 0.01, "iterations": 6]),
            "encoder.attention.inverse.iterations: the kind \"ridge\" has no such key"),
        Change("encoder.attention.count", 7, "encoder.attention: 7 landmarks are not in 1 ... window (6)"),
        Change("encoder.attention.count", 0, "encoder.attention: 0 landmarks"),
        Change("encoder.attention.inverse.kind", "svd", "encoder.attention.inverse.kind: \"svd\" is neither"),
        Change("encoder.attention.inverse.lambda", 0, "encoder.attention.inverse.lambda: 0.0 is not in"),
        Change("encoder.attention.inverse.lambda", 1e-7, "encoder.attention.inverse.lambda: 1e-07 is not in"),
        Change("encoder.attention.inverse.lambda", -1, "encoder.attention.inverse.lambda: -1.0 is not in"),
        Change(
            "encoder.attention.inverse", .object(["kind": "newton-schulz", "iterations": 0]),
            "encoder.attention.inverse.iterations: 0 is not in"),
        Change("encoder.position.kind", "sinus", "encoder.position.kind: \"sinus\" is neither"),
        Change(
            "encoder.position", .object(["kind": "recycling", "period": 0]), "encoder.position.period: 0 is not in"),
        Change("encoder.position", .object(["kind": "recycling"]), "encoder.position.period: the key is missing"),
        Change("stem.kind", "patches", "stem.kind: \"patches\" is neither"),
        Change("stem.frames", 0, "stem.frames: 0 is not in"),
        Change("stem", .object(["kind": "convolution", "layers": .array([])]), "stem.layers: 0 layers are not"),
        Change("stem", convolution(3, 1, 1), "stem.layers", "time_stride: 3 is neither 1 nor 2"),
        Change("stem", convolution(1, 0, 1), "stem.layers", "band_stride: 0 is neither 1 nor 2"),
        Change("stem", convolution(1, 1, 0), "stem.layers", "channels: 0 is not in"),
        Change("stem", convolution(1, 1, 1, ("band_padding", "start")), "stem.layers", "band_padding"),
        Change("stem", convolution(1, 1, 1, ("band_padding", .null)), "stem.layers", "band_padding"),
        Change("stem", convolution(1, 1, 1, ("separable", "yes")), "stem.layers", "separable: expected Bool"),
        Change("stem", convolution(1, 1, 1, ("separable", .null)), "stem.layers", "separable: expected Bool"),
        Change("stem", convolution(1, 1, 1, ("time_padding", "end")), "stem.layers", "time_padding: unknown key"),
        Change("head", .object(["average": 0]), "head.average: 0 is not in 1 ... 1024"),
        Change("head", .object(["average": 1025]), "head.average: 1025 is not in 1 ... 1024"),
        Change("head", .object(["mean": 2]), "head", "mean: unknown key"),
        Change("decision.threshold", 1.5, "decision.threshold: threshold_off 0.4 and threshold 1.5 are not"),
        Change("decision.threshold_off", 0.7, "decision.threshold: threshold_off 0.7 and threshold 0.6 are not"),
        Change("decision.refractory_ms", -1, "decision.", "a time of -1 ms is not in"),
        Change("decision.onset_delay_ms", -1, "decision.onset_delay_ms: a delay of -1 ms is not in"),
        Change("decision.offset_delay_ms", 60001, "decision.offset_delay_ms: a delay of 60001 ms is not in"),
        Change("decision.offset_fall_db", 0, "decision.offset_fall_db: 0.0 dB are not above 0"),
        Change("decision.steady_threshold", 0, "decision.steady_threshold: 0.0 is not above 0 and at most 1"),
        Change("decision.min_rise_db", -1, "decision.min_rise_db: -1.0 dB are not in 0 ... 120"),
        Change("decision.class_thresholds.label 9", 0.5, "decision: a class threshold names a label that there is not"),
    ]

    private static func segments(_ count: Int, _ landmarks: String) -> JSONValue {
        .object([
            "kind": "continual-nystrom", "landmarks": .string(landmarks), "count": .number(Double(count)),
            "inverse": .object(["kind": "ridge", "lambda": 0.01]),
        ])
    }

    private static func convolution(
        _ timeStride: Int, _ bandStride: Int, _ channels: Int, _ extra: (key: String, value: JSONValue)? = nil
    ) -> JSONValue {
        var layer: [String: JSONValue] = [
            "channels": .number(Double(channels)), "time_stride": .number(Double(timeStride)),
            "band_stride": .number(Double(bandStride)),
        ]
        if let extra { layer[extra.key] = extra.value }
        return .object(["kind": "convolution", "layers": .array([.object(layer)])])
    }

    private static let shape = ModelShape().with { $0.attention = ModelShape.ridge }

    @Test(arguments: changes) func isRefused(_ change: Change) throws {
        let files = try TemporaryModel(Self.shape)
        files.configuration = files.configuration.with(change.path, change.value)
        try files.write()
        expectRefusal(files.directory, .configuration, "\(files.directory)/config.json: ")
        for part in change.parts { expectRefusal(files.directory, .configuration, part) }
    }

    /// Optional keys of the format.
    private static let optional: Set<String> = [
        "frontend", "decision.class_thresholds", "weights.bytes", "weights.sha256",
    ]

    @Test func everyKeyIsNeeded() throws {
        let files = try TemporaryModel(Self.shape)
        let sound = files.configuration
        for path in Self.paths(sound) where !Self.optional.contains(path.joined(separator: ".")) {
            files.configuration = sound.with(path, nil)
            try files.write()
            expectRefusal(files.directory, .configuration, "\(path.joined(separator: ".")): the key is missing")
        }
    }

    private static func paths(_ value: JSONValue, _ prefix: [String] = []) -> [[String]] {
        guard case .object(let members) = value else { return [] }
        return members.keys.sorted().flatMap { key in
            [prefix + [key]] + (value[key].map { paths($0, prefix + [key]) } ?? [])
        }
    }

    @Test func hashMustBeOneAndFileJSON() throws {
        let files = try TemporaryModel(Self.shape)
        let text = String(decoding: try files.files.read("config.json"), as: UTF8.self)
        let hash = sha256(try files.files.read("model.safetensors"))
        for (spoiled, part) in [
            (text.replacing(hash, with: "abc"), "weights.sha256: is not 64 hexadecimal digits"),
            (text.replacing(hash, with: String(repeating: "0", count: 64)), "SHA-256"),
            (String(text.dropLast(2)), "config.json: "), ("", "config.json: "), ("[]", "config.json: "),
        ] {
            try files.files.write(Array(spoiled.utf8), to: "config.json")
            expectRefusal(files.directory, part == "SHA-256" ? .hash : .configuration, part)
        }
    }

    /// The card is free-form.
    @Test func anyCardIsAccepted() throws {
        let files = try TemporaryModel(Self.shape)
        files.configuration = files.configuration.with(
            ["card"], .object(["accuracy": 0.97, "data": .array(["a", .null])]))
        try files.write()
        let model = try Model(directory: files.directory)
        #expect(model.configuration.card["accuracy"]?.number == 0.97)
        #expect(model.configuration.labels.count == 5 && model.configuration.decision.maximumGap == 120)
    }

    /// Sizes that are valid alone but together need too much memory are refused before anything is allocated.
    @Test func hostileSizes() throws {
        let inverse: JSONValue = .object(["kind": "ridge", "lambda": 0.01])
        func attention(_ kind: JSONValue, _ count: Double, landmarks: JSONValue? = nil) -> JSONValue {
            var members: [String: JSONValue] = ["kind": kind, "count": .number(count), "inverse": inverse]
            members["landmarks"] = landmarks
            return .object(members)
        }
        let cases: [(width: Double, heads: Double, window: Double, layers: Double, JSONValue, String)] = [
            (1536, 1, 10_000_000, 1, .object(["kind": "continual"]), "encoder.window: the memory of a stream would be"),
            (256, 1, 100_000, 256, .object(["kind": "continual"]), "encoder.window: the memory of a stream would be"),
            (16384, 1, 200_000, 1, .object(["kind": "full"]), "encoder.window: the memory of a stream would be"),
            (
                12, 12, 2_000_000, 1, attention("continual-nystrom", 1000, landmarks: "fixed"),
                "encoder.window: the memory of a stream would be"
            ),
            (
                12, 12, 1000, 2, attention("continual-nystrom", 1000, landmarks: "continual"),
                "encoder.attention: 1000 landmarks of 12 heads are too many to invert"
            ),
            (
                16384, 16384, 16, 1, attention("continual-nystrom", 16, landmarks: "fixed"),
                "encoder.attention: the landmarks' matrices would take"
            ),
        ]
        for (width, heads, window, layers, attention, words) in cases {
            let files = try TemporaryModel(Self.shape)
            for (key, value) in [("width", width), ("heads", heads), ("window", window), ("layers", layers)] {
                files.configuration = files.configuration.with(["encoder", key], .number(value))
            }
            files.configuration = files.configuration.with(["encoder", "attention"], attention)
            try files.write()
            do {
                _ = try Model(directory: files.directory)
                Issue.record("\(words): was not refused")
            } catch {
                #expect(error.code == .configuration && error.message.contains(words), "\(error.message)")
            }
        }
    }

    /// A configuration of a few kilobytes that asks for hours is refused before anything is computed.
    @Test func hostileCosts() throws {
        func layers(_ count: Int, channels: Double = 1, timeStride: Double = 1) -> JSONValue {
            let layer: JSONValue = .object([
                "channels": .number(channels), "time_stride": .number(timeStride), "band_stride": 1,
            ])
            return .object(["kind": "convolution", "layers": .array(Array(repeating: layer, count: count))])
        }
        func fixed(_ count: Double, _ inverse: JSONValue) -> JSONValue {
            .object(["kind": "continual-nystrom", "landmarks": "fixed", "count": .number(count), "inverse": inverse])
        }
        let newton: JSONValue = .object(["kind": "newton-schulz", "iterations": 100])
        let cases: [([String], JSONValue, String)] = [
            (["stem"], layers(32, timeStride: 2), "stem.layers: 32 layers with a time_stride of 2"),
            (["stem"], layers(13, timeStride: 2), "make a token of 2^13 frames, more than 4096"),
            (["stem"], layers(2, channels: 4096), "encoder: a prediction would take"),
            (["encoder", "attention"], fixed(512, newton), "encoder: the landmarks would take"),
            (
                ["encoder", "attention"],
                .object(["kind": "nystromformer", "count": 512, "inverse": newton]), "encoder: a prediction would take"
            ),
        ]
        for (path, value, words) in cases {
            let files = try TemporaryModel(Self.shape)
            files.configuration = files.configuration.with(["encoder", "window"], 1024).with(["input_width"], 4096)
                .with(path, value)
            try files.write()
            do {
                _ = try Model(directory: files.directory)
                Issue.record("\(words): was not refused")
            } catch {
                #expect(error.code == .configuration && error.message.contains(words), "\(error.message)")
            }
        }
        let files = try TemporaryModel(Self.shape)
        files.configuration = files.configuration.with(["input_width"], 65536).with(["stem"], layers(2, channels: 2000))
        try files.write()
        do {
            _ = try Model(directory: files.directory)
            Issue.record("was not refused")
        } catch { #expect(error.message.contains("stem: the stem would take 3 GiB for a stream"), "\(error.message)") }
    }

    /// A decoder calls itself for each level, and its stack has an end.
    @Test func deepValues() throws {
        for depth in [100, 100_000] {
            let files = try TemporaryModel(Self.shape)
            var text = String(decoding: try files.files.read("config.json"), as: UTF8.self)
            let brackets = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            text.removeLast()
            try files.files.write(Array((text + ",\"surprise\":" + brackets + "}").utf8), to: "config.json")
            do {
                _ = try Model(directory: files.directory)
                Issue.record("\(depth) levels were not refused")
            } catch { #expect(error.message.contains("values in more than 64 levels"), "\(error.message)") }
        }
        #expect(JSONNesting.isShallow(Array("{\"a\":\"[[[[\\\"[[\"}         ".utf8)[...]))
        #expect(!JSONNesting.isShallow(Array(repeating: UInt8(ascii: "{"), count: 65)[...]))
        #expect(JSONNesting.isShallow(ArraySlice((0..<500).flatMap { _ in Array("[]".utf8) })))
    }

    /// Files that would block a reader or fill the memory.
    @Test func pathsThatAreNoFiles() throws {
        let files = try TemporaryModel(Self.shape)
        for name in ["config.json", "model.safetensors"] {
            try files.write()
            try files.files.remove(name)
            #expect(unsafe mkfifo("\(files.directory)/\(name)", 0o600) == 0)
            let error = try #require(throws: ModelError.self) { _ = try Model(directory: files.directory) }
            #expect(error.message.contains("\(name): is not a file"))
            try files.files.remove(name)
        }
        try files.write()
        for (name, size) in [("config.json", 17 << 20), ("model.safetensors", 1 << 31)] {
            try files.write()
            #expect(unsafe truncate("\(files.directory)/\(name)", off_t(size)) == 0)
            let error = try #require(throws: ModelError.self) { _ = try Model(directory: files.directory) }
            #expect(error.message.contains("has \(size) bytes; such a file of a model has at most"))
        }
    }

    /// Depth `window` has one continual layer, or two.
    @Test func threeRetroactiveLayers() throws {
        let files = try TemporaryModel(Self.shape.with { $0.layers = 3 })
        files.configuration = files.configuration.with(["encoder", "depth"], "window")
        try files.write()
        do {
            _ = try Model(directory: files.directory)
            Issue.record("was not refused")
        } catch {
            #expect(error.message.contains("encoder.depth: \"window\" with continual attention has one layer, or two"))
        }
    }
}
