internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// `features` and `encode`: the two halves of `run`.
@Suite struct FeatureTests {
    private let folder: TemporaryDirectory
    private let samples = Sound.samples(16000)

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(WaveFile(samples).bytes, to: "a.wav")
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func run(_ arguments: [String], input: [UInt8]? = nil) throws {
        let finished = try Program.run(arguments, input: input)
        try #require(finished.status == 0, "\(arguments): \(finished.errors)")
        #expect(finished.output == "")
    }

    /// Returns the numbers of a float32 array after its header of 128 bytes, and checks the shape.
    private func floats(_ name: String, shape: String) throws -> [Float] {
        let bytes = try folder.read(name)
        let header = String(decoding: bytes[10..<128], as: UTF8.self)
        #expect(header.contains("'descr': '<f4', 'fortran_order': False, 'shape': \(shape), "), "\(header)")
        return stride(from: 128, to: bytes.count, by: 4).map { place in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) })
        }
    }

    private func labels() throws -> [String] {
        let file = URL(filePath: "\(Program.models)/\(Program.model)/config.json")
        let configuration = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
        return configuration["labels"]?.elements.compactMap(\.string) ?? []
    }

    @Test func featuresAndEncodeAreRun() throws {
        let labels = try labels()
        try run(["features", path("a.wav"), "--model", Program.model, "--out", path("x.npy")])
        #expect(try floats("x.npy", shape: "(98, 64)").count == 98 * 64)
        try run(["encode", "--model", Program.model, "--features", path("x.npy"), "--out", path("y.npy")])
        let logits = try floats("y.npy", shape: "(24, \(labels.count))")
        let frames = try Program.run(["run", path("a.wav"), "--top-k", "\(labels.count)"]).records("frame")
        try #require(frames.count == 24 && logits.count == 24 * labels.count)
        for (token, frame) in frames.enumerated() {
            let row = logits[token * labels.count..<(token + 1) * labels.count].map(Double.init)
            let largest = row.max() ?? 0
            let total = row.reduce(0) { $0 + exp($1 - largest) }
            let reported = frame.topProbabilities
            #expect(reported.count == labels.count)
            for (label, logit) in zip(labels, row) {
                let probability = try #require(reported[label])
                // They are reported with four decimals.
                #expect(abs(probability - exp(logit - largest) / total) < 0.5e-4 + 1e-6, "token \(token), \(label)")
            }
        }
    }

    @Test func samplesAreTheFilesOwn() throws {
        let expected = samples.map { Float($0) / 32768 }
        try run(["features", path("a.wav"), "--stage", "samples", "--recipe", "yamnet", "--out", path("s.npy")])
        try compareBits(try floats("s.npy", shape: "(16000,)"), with: expected, "samples")
        try run(
            ["features", "-", "--stage", "samples", "--recipe", "yamnet", "--out", path("t.npy")],
            input: Sound.raw(samples))
        try compareBits(try floats("t.npy", shape: "(16000,)"), with: expected, "samples from a pipe")
    }

    @Test func frontEndsHaveTheSameNameEverywhere() throws {
        try folder.write(Array(#"{"recipe":"yamnet"}"#.utf8), to: "frontend.json")
        try run(["features", path("a.wav"), "--recipe", "yamnet", "--out", path("1.npy")])
        try run(["features", path("a.wav"), "--frontend", path("frontend.json"), "--out", path("2.npy")])
        try run(["features", path("a.wav"), "--model", Program.model, "--out", path("3.npy")])
        #expect(try folder.read("1.npy") == folder.read("2.npy"))
        #expect(try folder.read("1.npy") == folder.read("3.npy"))
        try run(["features", path("a.wav"), "--recipe", "kaldi", "--out", path("4.npy")])
        #expect(try floats("4.npy", shape: "(98, 80)").count == 98 * 80)
        try folder.write(Array(#"{"recipe":"yamnet","hopp":1}"#.utf8), to: "frontend.json")
        let finished = try Program.run(
            ["features", path("a.wav"), "--frontend", path("frontend.json"), "--out", path("5.npy")])
        #expect(finished.status == 78 && finished.errors.contains("unknown key \"hopp\""), "\(finished.errors)")
    }

    @Test func foldersAreMirrored() throws {
        try FileManager.default.createDirectory(atPath: path("in/deep"), withIntermediateDirectories: true)
        try folder.write(WaveFile(samples).bytes, to: "in/deep/a.wav")
        try folder.write(WaveFile(Sound.samples(800)).bytes, to: "in/b.wav")
        try run(["features", path("in"), "--recipe", "yamnet", "--out", path("out")])
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: path("out")).sorted() == [
                "b.wav.npy", "deep", "deep/a.wav.npy",
            ])
        #expect(try floats("out/b.wav.npy", shape: "(3, 64)").count == 192)
        try folder.write(Array("text".utf8), to: "in/c.wav")
        let finished = try Program.run(["features", path("in"), "--recipe", "yamnet", "--out", path("again")])
        #expect(finished.status == 65 && finished.errors.contains("in/c.wav"))
        #expect(try folder.read("again/b.wav.npy") == folder.read("out/b.wav.npy"), "the others are done")
        #expect(!FileManager.default.fileExists(atPath: path("again/c.wav.npy")))
    }

    @Test func badFeaturesAreRefused() throws {
        func refusal(_ arguments: [String]) throws -> Finished {
            let finished = try Program.run(
                ["encode", "--model", Program.model] + arguments + ["--out", path("y.npy")])
            #expect(!FileManager.default.fileExists(atPath: path("y.npy")), "no file is written")
            return finished
        }
        let wave = try refusal(["--features", path("a.wav")])
        #expect(wave.status == 65 && wave.errors.contains("a.wav: is not a .npy file"))
        let missing = try refusal(["--features", path("none.npy")])
        #expect(missing.status == 66 && missing.errors.contains("none.npy"))
        try run(["features", path("a.wav"), "--recipe", "kaldi", "--out", path("wide.npy")])
        let wide = try refusal(["--features", path("wide.npy")])
        #expect(wide.status == 65 && wide.errors.contains("80 features a frame") && wide.errors.contains("takes 64"))
        try run(["features", path("a.wav"), "--recipe", "yamnet", "--out", path("x.npy")])
        var bytes = try folder.read("x.npy")
        bytes.replaceSubrange(128 + 4 * (64 * 10 + 5)..<128 + 4 * (64 * 10 + 6), with: [0, 0, 0xC0, 0x7F])
        try folder.write(bytes, to: "x.npy")
        let poisoned = try refusal(["--features", path("x.npy")])
        #expect(poisoned.status == 65 && poisoned.errors.contains("frame 10"), "\(poisoned.errors)")
    }

    @Test func failedFeaturesLeaveNothing() throws {
        var values = samples.map { Float($0) / 32768 }
        values[9000] = .nan
        try folder.write(WaveFile(values).bytes, to: "nan.wav")
        let finished = try Program.run(["features", path("nan.wav"), "--recipe", "yamnet", "--out", path("n.npy")])
        #expect(finished.status == 65 && finished.errors.contains("sample 9000"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a.wav", "nan.wav"])
    }

    /// Each printed front-end, used as a file, gives the frames of its recipe.
    @Test func printedRecipesAreTheRecipes() throws {
        let printed = try Program.run(["features", "--print-recipes"])
        #expect(printed.status == 0 && printed.lines.count == 1)
        guard case .object(let recipes) = try #require(try printed.records().first) else {
            Issue.record("no object: \(printed.output)")
            return
        }
        #expect(recipes.keys.sorted() == ["kaldi", "librosa", "vggish", "yamnet"])
        for (name, recipe) in recipes {
            // All values are written out, so that none comes from the recipe's name.
            guard case .object(var values) = recipe else { continue }
            #expect(values["recipe"] == .string(name))
            values["recipe"] = "custom"
            try folder.write(Array(JSONEncoder().encode(values)), to: "\(name).json")
            try run(["features", path("a.wav"), "--frontend", path("\(name).json"), "--out", path("printed.npy")])
            try run(["features", path("a.wav"), "--recipe", name, "--out", path("named.npy")])
            #expect(try folder.read("printed.npy") == folder.read("named.npy"), "\(name)")
        }
    }
}
