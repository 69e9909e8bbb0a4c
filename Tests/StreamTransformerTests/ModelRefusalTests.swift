internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A model whose weights do not match its configuration is refused, with the reason and the tensor.
@Suite struct ModelRefusalTests {
    private let nystrom = ModelShape().with { $0.attention = ModelShape.ridge }

    @Test func soundModelIsAccepted() throws {
        for shape in [ModelShape(), nystrom] {
            let files = try TemporaryModel(shape)
            let error = try Model(directory: files.directory).goldenError()
            #expect(error < 1e-5)
        }
    }

    @Test func missingFiles() throws {
        let files = try TemporaryModel(ModelShape())
        expectRefusal("\(files.directory)/none", .notFound, "none/config.json: cannot be read")
        try files.files.remove("model.safetensors")
        expectRefusal(files.directory, .notFound, "model.safetensors: cannot be read")
    }

    @Test func wrongHash() throws {
        let files = try TemporaryModel(ModelShape())
        var bytes = try files.files.read("model.safetensors")
        bytes[bytes.count - 1] ^= 1
        try files.files.write(bytes, to: "model.safetensors")
        expectRefusal(
            files.directory, .hash, "model.safetensors", "has the SHA-256 \(sha256(bytes))", "fetch the model again")
    }

    @Test func wrongSize() throws {
        let files = try TemporaryModel(ModelShape())
        let bytes = try files.files.read("model.safetensors")
        for changed in [Array(bytes.dropLast()), bytes + [0], []] {
            try files.files.write(changed, to: "model.safetensors")
            expectRefusal(
                files.directory, .hash, "model.safetensors: has \(changed.count) bytes, config.json says \(bytes.count)"
            )
        }
    }

    /// Damage that the hash does not detect, because the model was created with it.
    @Test func truncatedFile() throws {
        let files = try TemporaryModel(ModelShape())
        let bytes = try files.files.read("model.safetensors")
        for length in [0, 7] {
            try files.writeWeights(Array(bytes[..<length]))
            expectRefusal(files.directory, .tensors, "model.safetensors: has \(length) bytes")
        }
        for length in [8, 100] {
            try files.writeWeights(Array(bytes[..<length]))
            expectRefusal(files.directory, .tensors, "says that its header has", "the file has \(length)")
        }
        try files.writeWeights(Array(bytes[..<(bytes.count - 40)]))
        expectRefusal(
            files.directory, .tensors, "model.safetensors: tensor stem.projection.weight lies at", "is outside")
        try files.writeWeights(bytes + [0, 0, 0, 0])
        expectRefusal(files.directory, .tensors, "has 4 bytes behind its tensors")
    }

    @Test func hugeHeader() throws {
        let files = try TemporaryModel(ModelShape())
        let bytes = try files.files.read("model.safetensors")
        for size: UInt64 in [1 << 60, 1 << 63, .max, 1 << 20 + 1] {
            let length = (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * UInt64($0))) }
            try files.writeWeights(length + bytes[8...])
            expectRefusal(files.directory, .tensors, "says that its header has \(size) bytes")
        }
    }

    @Test(arguments: [ModelShape(), ModelShape().with { $0.attention = ModelShape.ridge }])
    func everyTensorIsNeededInItsShape(_ shape: ModelShape) throws {
        let recycling = shape.with {
            $0.position = .recycling(period: 4)
            $0.stem = .convolution([
                .init(channels: 3, timeStride: 1, bandStride: 2),
                .init(channels: 4, timeStride: 1, bandStride: 1, isSeparable: true),
            ])
        }
        let files = try TemporaryModel(recycling)
        let sound = files.weights
        for name in sound.tensors.keys.sorted() {
            files.weights = sound
            files.weights[name] = nil
            try files.write()
            expectRefusal(files.directory, .tensors, "tensor \(name) is missing")

            guard let tensor = sound[name], !name.hasPrefix("golden.") else { continue }
            files.weights[name] = TensorFile.Tensor([tensor.values.count, 1], tensor.values)
            try files.write()
            expectRefusal(
                files.directory, .tensors, "tensor \(name) has the shape [\(tensor.values.count), 1]", "\(tensor.shape)"
            )
        }
    }

    @Test func superfluousTensor() throws {
        for name in ["another", "encoder.layers.2.attention.query.weight", "encoder.position"] {
            let files = try TemporaryModel(ModelShape())
            files.weights[name] = TensorFile.Tensor([1], [0])
            try files.write()
            expectRefusal(files.directory, .tensors, "tensor \(name) is not part of the model")
        }
        let files = try TemporaryModel(nystrom)
        files.configuration = files.configuration.with(["encoder", "attention"], .object(["kind": "continual"]))
        try files.write()
        expectRefusal(files.directory, .tensors, "tensor encoder.layers.0.attention.landmarks.key is not part")
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func nonFiniteWeight(_ value: Float) throws {
        let files = try TemporaryModel(ModelShape())
        for isHalf in [false, true] {
            files.weights["head.weight"]?.values[3] = value
            files.weights["head.weight"]?.isHalf = isHalf
            try files.write()
            expectRefusal(files.directory, .tensors, "tensor head.weight, element 3 is not a finite number")
        }
    }

    @Test func labelsThatDoNotFit() throws {
        let files = try TemporaryModel(ModelShape())
        files.configuration = files.configuration.with(["labels"], .array(["a", "b", "c"]))
        try files.write()
        expectRefusal(files.directory, .tensors, "tensor head.weight has the shape [5, 12]", "asks for [3, 12]")
    }

    @Test func wrongGolden() throws {
        let files = try TemporaryModel(ModelShape())
        let sound = files.weights
        files.weights["golden.logits"]?.values[7] += 2e-4
        try files.write()
        expectRefusal(files.directory, .golden, "the golden logits differ by", "more than 0.0001")

        files.weights = sound
        files.weights["stem.projection.bias"]?.values[0] += 0.1
        try files.write()
        expectRefusal(files.directory, .golden, "the golden logits differ by")
    }

    @Test func goldenOfAnotherLength() throws {
        let files = try TemporaryModel(ModelShape())
        let sound = files.weights
        let logits = try #require(sound["golden.logits"])
        for tokens in [0, 1, logits.shape[0] - 1] {
            files.weights["golden.logits"] = TensorFile.Tensor([tokens, 5], Array(logits.values.prefix(5 * tokens)))
            try files.write()
            expectRefusal(
                files.directory, .golden, "make \(logits.shape[0]) tokens, the golden logits are for \(tokens)")
        }
        files.weights["golden.logits"] = TensorFile.Tensor([0, 5], [])
        files.weights["golden.features"] = TensorFile.Tensor([0, 7], [])
        try files.write()
        expectRefusal(files.directory, .golden, "make 0 tokens")
        files.weights["golden.features"] = TensorFile.Tensor([7], [Float](repeating: 0, count: 7))
        try files.write()
        expectRefusal(files.directory, .tensors, "tensor golden.features has the shape [7]")
    }

    /// Finite weights with infinite products: logits that are not finite never agree with golden ones.
    @Test func weightsThatOverflow() throws {
        for name in [
            "head.weight", "encoder.norm.weight", "encoder.layers.1.feed_forward.out.weight", "stem.projection.weight",
        ] {
            let files = try TemporaryModel(ModelShape())
            let values = try #require(files.weights[name]?.values)
            files.weights[name]?.values = values.indices.map { $0 % 2 == 0 ? 3e38 : -3e38 }
            try files.write()
            expectRefusal(files.directory, .golden, "the golden logits differ")
        }
    }

    /// Half precision is read as the same values.
    @Test func halfPrecision() throws {
        let files = try TemporaryModel(ModelShape())
        let values = try #require(files.weights["head.bias"]?.values)
        files.weights["head.bias"]?.values = values.map { Float(Float16($0)) }
        let rounded = TensorFile.Tensor([5], values.map { Float(Float16($0)) }, isHalf: true)
        let change = zip(rounded.values, values).map { $0 - $1 }
        let logits = try #require(files.weights["golden.logits"]?.values)
        files.weights["golden.logits"]?.values = logits.enumerated().map { $1 + change[$0 % 5] }
        try files.write()
        let full = try Model(directory: files.directory)
        files.weights["head.bias"] = rounded
        try files.write()
        let half = try Model(directory: files.directory)
        let frames = ModelShape().frames(tokens: 9, seed: 1)
        let (observed, expected) = (try half.run(frames), try full.run(frames))
        #expect(observed == expected)
    }
}

/// Expects that a model cannot be read, for the reason given by a code and parts of the message.
func expectRefusal(
    _ directory: String, _ code: ModelError.Code, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
    do {
        _ = try Model(directory: directory)
        Issue.record("the model was accepted; expected \(code): \(parts)", sourceLocation: sourceLocation)
    } catch {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        for part in parts {
            #expect(error.message.contains(part), "\(error.message)", sourceLocation: sourceLocation)
        }
    }
}
