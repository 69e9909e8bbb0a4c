internal import FoundationEssentials
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A model with damaged files is refused with the reason and exit status 78.
@Suite struct DamagedModelTests {
    private let folder: TemporaryDirectory
    private let configuration: JSONValue
    private let weights: [UInt8]

    init() throws {
        folder = try TemporaryDirectory()
        let source = "\(Program.models)/\(Program.model)"
        configuration = try JSONDecoder().decode(
            JSONValue.self, from: Data(contentsOf: URL(filePath: "\(source)/config.json")))
        weights = Array(try Data(contentsOf: URL(filePath: "\(source)/model.safetensors")))
    }

    /// Writes a model, and returns the refusal of every command that loads it.
    /// - Parameter isSealed: whether the configuration has the size and the hash of these weights.
    private func expectRefusal(
        _ configuration: JSONValue, _ weights: [UInt8], isSealed: Bool = true, _ words: String...
    ) throws {
        var configuration = configuration
        if isSealed {
            configuration =
                configuration
                .with(["weights", "bytes"], .number(Double(weights.count)))
                .with(["weights", "sha256"], .string(sha256(weights)))
        }
        try folder.write(Array(try JSONEncoder().encode(configuration)), to: "config.json")
        try folder.write(weights, to: "model.safetensors")
        for command in [["run", "-", "--model"], ["models", "show"], ["models", "verify"]] {
            let finished = try Program.run(command + ["\(folder.path)/"], input: Sound.raw(Sound.samples(1000)))
            #expect(finished.status == 78 && finished.output == "", "\(finished)")
            for word in words + [folder.path] { #expect(finished.errors.contains(word), "\(finished.errors)") }
        }
    }

    /// The tensors of the weights, to be changed and written again.
    private func tensors() throws -> TensorFile {
        var file = TensorFile()
        for (name, tensor) in try Safetensors(bytes: weights, name: "weights").tensors {
            file[name] = TensorFile.Tensor(tensor.shape, tensor.values)
        }
        return file
    }

    @Test func soundCopyIsAccepted() throws {
        try folder.write(Array(try JSONEncoder().encode(configuration)), to: "config.json")
        try folder.write(weights, to: "model.safetensors")
        let finished = try Program.run(["models", "verify", "\(folder.path)/"])
        #expect(finished.status == 0 && finished.lines.allSatisfy { $0.contains("ok") }, "\(finished)")
    }

    @Test func wrongHash() throws {
        var changed = weights
        changed[changed.count / 2] ^= 1
        try expectRefusal(configuration, changed, isSealed: false, "model.safetensors", "SHA-256", sha256(changed))
    }

    @Test func cutFile() throws {
        let cut = Array(weights.dropLast(1000))
        try expectRefusal(configuration, cut, isSealed: false, "has \(cut.count) bytes", "\(weights.count)")
        try expectRefusal(configuration, cut, "tensor")
        try expectRefusal(configuration, [], "has 0 bytes")
    }

    @Test func missingFiles() throws {
        try folder.write(Array(try JSONEncoder().encode(configuration)), to: "config.json")
        let finished = try Program.run(["models", "show", "\(folder.path)/"])
        #expect(finished.status == 78 && finished.errors.contains("model.safetensors: cannot be read"))
    }

    @Test func missingAndSuperfluousTensors() throws {
        var file = try tensors()
        let bias = file["head.bias"]
        file["head.bias"] = nil
        try expectRefusal(configuration, file.bytes, "tensor head.bias is missing")
        file["head.bias"] = bias
        file["head.extra"] = bias
        try expectRefusal(configuration, file.bytes, "tensor head.extra is not part of the model")
    }

    @Test func tensorThatIsNoNumber() throws {
        var file = try tensors()
        file["head.bias"]?.values[3] = .nan
        try expectRefusal(configuration, file.bytes, "head.bias", "element 3")
    }

    @Test func headerOfAnExabyte() throws {
        var bytes = weights
        bytes[7] = 0x10
        try expectRefusal(configuration, bytes, "its header has")
        let empty = TensorFile.bytes(header: "{}", data: [])
        try expectRefusal(configuration, empty, "is missing")
        try expectRefusal(configuration, TensorFile.bytes(header: "{\"a\":", data: []), "header cannot be read")
    }

    @Test func labelsThatDoNotFit() throws {
        let labels = configuration["labels"]?.elements ?? []
        try expectRefusal(
            configuration.with(["labels"], .array(labels + ["another"])), weights, "head.weight", "\(labels.count + 1)")
        try expectRefusal(
            configuration.with(["labels"], .array(labels.dropLast() + [labels[2]])), weights, "labels", "twice")
        try expectRefusal(
            configuration.with(["background"], .array(["another"])), weights,
            "background label is not one of the labels")
    }

    @Test func wrongKeys() throws {
        try expectRefusal(configuration.with(["colour"], "blue"), weights, "config.json", "unknown key \"colour\"")
        try expectRefusal(
            configuration.with(["encoder", "colour"], "blue"), weights, "encoder.colour", "unknown key \"colour\"")
        try expectRefusal(configuration.with(["encoder", "heads"], nil), weights, "encoder.heads", "missing")
        try expectRefusal(configuration.with(["encoder", "heads"], 5), weights, "encoder.heads", "5 heads")
        try expectRefusal(configuration.with(["encoder", "heads"], "four"), weights, "encoder.heads", "expected Int")
        try expectRefusal(configuration.with(["format_version"], 2), weights, "format_version", "version 2")
    }

    /// A key that an object has twice has no meaning, at every depth and however it is written.
    @Test(arguments: [
        ("\"frontend\":{", "\"recipe\":\"yamnet\",", "frontend.recipe"),
        ("\"frontend\":{", "\"r\\u0065cipe\":\"yamnet\",", "frontend.recipe"),
        ("\"frontend\":{", "\"hop\":160,\"hop\":160,", "frontend.hop"),
        ("\"encoder\":{", "\"heads\":4,", "encoder.heads"), ("{", "\"name\":\"keywords-en\",", "name"),
        ("\"decision\":{", "\"threshold\":0.5,", "decision.threshold"),
        ("\"card\":{", "\"a\":[1,{\"b\":\"x\\\"{\",\"b\":2}],", "card.a.1.b"),
    ])
    func repeatedKeys(object: String, member: String, path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(configuration), as: UTF8.self)
        let place = try #require(text.firstRange(of: object))
        let repeated = text[..<place.upperBound] + member + text[place.upperBound...]
        try folder.write(Array(repeated.utf8), to: "config.json")
        try folder.write(weights, to: "model.safetensors")
        let finished = try Program.run(["models", "verify", "\(folder.path)/"])
        #expect(finished.status == 78, "\(finished)")
        #expect(finished.errors.contains("\(path): the key is there twice"), "\(finished.errors)")
    }

    /// A number that no format holds is named with its place.
    @Test(arguments: ["1e999", "-1e999", "1e400"]) func hugeNumbers(number: String) throws {
        for (object, key) in [("frontend", "hop"), ("frontend", "log_offset"), ("encoder", "heads"), ("card", "x")] {
            let changed = configuration.with([object, key], .string("HUGE"))
            let text = String(decoding: try JSONEncoder().encode(changed), as: UTF8.self)
            try folder.write(Array(text.replacing("\"HUGE\"", with: number).utf8), to: "config.json")
            try folder.write(weights, to: "model.safetensors")
            let finished = try Program.run(["models", "verify", "\(folder.path)/"])
            let expected = "\(object).\(key): a number is out of range"
            #expect(finished.status == 78 && finished.errors.contains(expected), "\(finished.errors)")
        }
    }

    @Test func otherFrontEnd() throws {
        let other = configuration.with(["frontend"], .object(["recipe": "kaldi"]))
        try folder.write(Array(try JSONEncoder().encode(other)), to: "config.json")
        try folder.write(weights, to: "model.safetensors")
        let finished = try Program.run(["run", "-", "--model", "\(folder.path)/"], input: [0, 0])
        #expect(finished.status == 78 && finished.errors.contains("80 bands, input_width is 64"), "\(finished.errors)")
    }

    /// A front-end whose frames do not depend on the samples is found, which the golden features cannot show.
    @Test(arguments: [("window_length", JSONValue.number(1)), ("sample_scale", 1e-12)])
    func deafFrontEnd(key: String, value: JSONValue) throws {
        let deaf = configuration.with(["frontend", key], value)
        try folder.write(Array(try JSONEncoder().encode(deaf)), to: "config.json")
        try folder.write(weights, to: "model.safetensors")
        let finished = try Program.run(["models", "verify", "\(folder.path)/"])
        #expect(finished.status == 78 && finished.output == "", "\(finished)")
        #expect(finished.errors.contains("noise has the frames of silence"), "\(finished.errors)")
    }

    /// A number that must be whole is named, and the text is not called damaged.
    @Test func fractions() throws {
        for (path, name) in [
            (["frontend", "bands"], "frontend.bands"), (["frontend", "hop"], "frontend.hop"),
            (["encoder", "heads"], "encoder.heads"), (["decision", "onset_delay_ms"], "decision.onset_delay_ms"),
        ] {
            for value in [64.5, 1e30] {
                let found = "\(name): expected a whole number, found \(value)"
                try expectRefusal(configuration.with(path, .number(value)), weights, found)
            }
        }
        let frontend = "\(folder.path)/frontend.json"
        for (text, words) in [
            (#"{"recipe": "yamnet", "low_hz": 125.5, "bands": 64.5}"#, "bands: expected a whole number, found 64.5"),
            ("[]", "expected an object"), (#"{"recipe": "#, "not valid JSON"),
        ] {
            try folder.write(Array(text.utf8), to: "frontend.json")
            let finished = try Program.run(
                ["features", "-", "--frontend", frontend, "--out", "\(folder.path)/x.npy"], input: [0, 0])
            #expect(
                finished.status == 78 && finished.errors.contains("frontend.json: \(words)")
                    || words.hasPrefix("not") && finished.errors.contains(words), "\(finished.errors)")
        }
    }

    @Test func wrongGolden() throws {
        var file = try tensors()
        file["golden.logits"]?.values[0] += 0.01
        try expectRefusal(configuration, file.bytes, "golden logits differ by 0.0")
        file = try tensors()
        let frames = try #require(file["golden.features"]?.shape)
        file["golden.features"] = TensorFile.Tensor([0, frames[1]], [])
        try expectRefusal(configuration, file.bytes, "golden")
    }
}
