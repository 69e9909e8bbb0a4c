internal import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// Readers of files, each fed with mutations of valid inputs. They may refuse an input; a trap, a fault of memory or a
/// run that does not end is a failure. Two suites share the processor: the other is in ServiceFuzzTests.swift.
@Suite(.serialized) struct FuzzTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Containers by their path, which need not be valid to the end.
    @Test func audio() throws {
        try Fuzzer(
            name: "audio", corpus: SoundCorpus.files(in: folder), dictionary: ["data", "fmt ", "ID3", "TAG", "OggS"]
        )
        .run { bytes in
            try folder.write(bytes, to: "sound")
            var input = try AudioInput(path: "\(folder.path)/sound", rate: 16_000)
            var count = 0
            while count < 1 << 20, try input.read({ count += $0.count }) {}
        }
    }

    /// Plain samples of every format and number of channels, in two pieces.
    @Test func samples() throws {
        try Fuzzer(name: "samples", corpus: SoundCorpus.files(in: folder)).run { bytes in
            guard bytes.count > 4 else { return }
            let formats = SampleFormat.allCases
            var decoder = try PCMDecoder(
                name: "fuzz", format: formats[Int(bytes[0]) % formats.count],
                sampleRate: [8000, 16_000, 44_100][Int(bytes[1]) % 3], channels: 1 + Int(bytes[2]) % 4,
                selection: .mix, rate: 16_000)
            let cut = 4 + Int(bytes[3]) % (bytes.count - 3)
            try decoder.push(Array(bytes[4..<cut])) { _ in }
            try decoder.push(Array(bytes[cut...])) { _ in }
            try decoder.finish { _ in }
        }
    }

    @Test func numpy() throws {
        func file(_ type: String, _ shape: String, _ count: Int) -> [UInt8] {
            let header = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }\n"
            return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
                + [UInt8](repeating: 0, count: count)
        }
        let corpus = [file("<f4", "(3, 4)", 48), file("<f8", "(3, 4)", 96), file("<f4", "(5,)", 20)]
        try Fuzzer(name: "numpy", corpus: corpus, dictionary: ["(", ")", ",", "1073741823", "<f8", "-1"]).run { bytes in
            try folder.write(bytes, to: "x.npy")
            _ = try NumpyArray(path: FileName("\(folder.path)/x.npy"))
        }
    }

    @Test func tensors() throws {
        let files = try TemporaryModel(ModelShape())
        let small = TensorFile.Tensor([2, 3], [1, 2, 3, 4, 5, 6])
        var file = TensorFile()
        (file["a"], file["b.weight"]) = (small, small)
        let words = ["[", "{", "\"dtype\"", "F16", "9223372036854775807", "-1", "\"data_offsets\""]
        try Fuzzer(name: "tensors", corpus: [file.bytes, files.weights.bytes], dictionary: words).run { bytes in
            _ = try Safetensors(bytes: bytes, name: "fuzz")
        }
    }

    @Test func modelConfiguration() throws {
        let models = try FileManager.default.contentsOfDirectory(atPath: Self.models).sorted()
        let corpus = models.compactMap { try? Data(contentsOf: URL(filePath: "\(Self.models)/\($0)/config.json")) }
            .map { Array($0.prefix(16_384)) }
        let small = Array(try JSONEncoder().encode(ModelShape().configuration))
        let words = [
            "\"continual\"", "\"full\"", "\"nystromformer\"", "1e308", "-1", "65536", "[[[[", "{\"a\":", "null",
        ]
        try Fuzzer(name: "configuration", corpus: [small] + corpus, dictionary: words).run { bytes in
            guard JSONNesting.isShallow(bytes[...]) else { return }
            _ = try JSONDecoder().decode(ModelConfiguration.self, from: Data(bytes))
        }
    }

    static let models = String(#filePath.dropLast("/Tests/Fuzz/FuzzTests.swift".count)) + "/models"

    /// States with a good checksum, which are restored and make one more prediction.
    @Test func state() throws {
        var shape = ModelShape()
        shape.bands = 12
        shape.stem = .linear(frames: 2)
        let files = try TemporaryModel(shape)
        files.configuration = files.configuration.with(["frontend"], .object(["recipe": "yamnet", "bands": 12]))
        try files.write()
        let model = try AudioModel(Model(directory: files.directory))
        let rules = try DecisionRules(model.network.configuration, DecisionRules.Settings())
        let corpus = try [0, 399, 1000, 6400].map { count -> [UInt8] in
            var pipeline = try ClassifierPipeline(model)
            var reporter = StreamReporter(
                model.network.configuration, stream: "s", options: ReportOptions(rules: rules))
            try pipeline.push((0..<count).map { Float($0 % 97) / 97 - 0.5 }) { _ = reporter.records($0) }
            var writer = StateFile.begin(model)
            pipeline.snapshot(to: &writer)
            reporter.snapshot(to: &writer)
            return StateFile.seal(writer)
        }
        try Fuzzer(name: "state", corpus: corpus).run { bytes in
            guard bytes.count > 16 else { return }
            var sealed = bytes
            let sum = fnv1a(bytes[16...])
            for byte in 0..<8 {
                sealed[byte] = corpus[0][byte]
                sealed[8 + byte] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * byte))
            }
            try StateFile.check(sealed, model: model)
        }
    }
}
