internal import AudioClassifier
internal import AudioFrontend
internal import Glibc
internal import Kernels
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Samples give the same predictions for every way in which they are cut into pieces.
@Suite struct ClassifierPipelineTests {
    struct Shape: CustomTestStringConvertible {
        let frames: Int
        let isCentred: Bool
        var testDescription: String { "\(frames) frames a token\(isCentred ? ", centred" : "")" }
    }

    private static let shapes = [
        Shape(frames: 1, isCentred: false), Shape(frames: 4, isCentred: false), Shape(frames: 2, isCentred: true),
    ]

    /// Returns the predictions of samples that arrive in pieces of `cut`.
    private func predictions(_ model: AudioModel, _ samples: [Float], cut: Int) throws -> [PredictionBits] {
        var pipeline = try ClassifierPipeline(model)
        var result: [PredictionBits] = []
        for start in stride(from: 0, to: samples.count, by: cut) {
            let piece = samples.span.extracting(start..<min(start + cut, samples.count))
            try pipeline.push(piece) { result.append(PredictionBits($0)) }
        }
        try pipeline.finish { result.append(PredictionBits($0)) }
        #expect(pipeline.sampleCount == samples.count && pipeline.predictionCount == result.count)
        return result
    }

    @Test(arguments: shapes)
    func cutsDoNotMatter(shape: Shape) throws {
        let (model, files) = try audioModel(frames: shape.frames, isCentred: shape.isCentred)
        let samples = noise(16000 + 123, seed: 2)
        let whole = try predictions(model, samples, cut: samples.count)
        #expect(whole.count > 20)
        for cut in [1, 7, 160, 4096] {
            #expect(try predictions(model, samples, cut: cut) == whole, "in pieces of \(cut)")
        }
        withExtendedLifetime(files) {}
    }

    @Test(arguments: shapes)
    func positionsAndLevels(shape: Shape) throws {
        let (model, files) = try audioModel(frames: shape.frames, isCentred: shape.isCentred)
        let recipe = model.recipe
        let samples = noise(8000, seed: 3)
        var pipeline = try ClassifierPipeline(model)
        var (count, previous) = (0, 0)
        let (frames, warmUp) = (shape.frames, model.network.warmUpTokens)
        #expect(model.predictionPeriod == 160 * frames)
        try pipeline.push(samples.span) { prediction in
            let lastFrame = (count + 1) * frames - 1
            let end = lastFrame * recipe.hop + recipe.frameSpan - recipe.leadingZeros
            #expect(prediction.index == count)
            #expect(prediction.sample == end, "the newest sample that it has seen")
            #expect(prediction.time == Double(end) / 16000)
            #expect(prediction.isWarm == (count >= warmUp - 1))
            let energy = samples[previous..<end].reduce(0) { $0 + Double($1) * Double($1) }
            let level = max(-120, 10 * log10(energy / Double(end - previous)))
            #expect(abs(prediction.level - level) < 1e-9)
            #expect(abs(prediction.probabilities.reduce(0, +) - 1) < 1e-5)
            count += 1
            previous = end
        }
        #expect(count > 0)
        withExtendedLifetime(files) {}
    }

    @Test func silenceHasTheLeastLevel() throws {
        let (model, files) = try audioModel()
        var pipeline = try ClassifierPipeline(model)
        var levels: [Double] = []
        try pipeline.push([Float](repeating: 0, count: 4000).span) { levels.append($0.level) }
        #expect(!levels.isEmpty && levels.allSatisfy { $0 == -120 })
        withExtendedLifetime(files) {}
    }

    @Test(arguments: shapes)
    func suspendedPipelineGoesOn(shape: Shape) throws {
        let (model, files) = try audioModel(frames: shape.frames, isCentred: shape.isCentred)
        let samples = noise(6400, seed: 4)
        let whole = try predictions(model, samples, cut: samples.count)
        for cut in [0, 1, 159, 160, 399, 400, 401, 1000, 3333, 6400] {
            var first = try ClassifierPipeline(model)
            var result: [PredictionBits] = []
            try first.push(samples.span.extracting(0..<cut)) { result.append(PredictionBits($0)) }
            var writer = SnapshotWriter()
            first.snapshot(to: &writer)
            var second = try ClassifierPipeline(model)
            var reader = SnapshotReader(writer.bytes)
            try second.restore(from: &reader)
            #expect(reader.remaining == 0)
            try second.push(samples.span.extracting(cut..<samples.count)) { result.append(PredictionBits($0)) }
            try second.finish { result.append(PredictionBits($0)) }
            #expect(result == whole, "suspended after \(cut) samples")
        }
        withExtendedLifetime(files) {}
    }

    /// A snapshot is untrusted: it is refused, or its stream gives predictions that can be written.
    @Test func damagedSnapshotDoesNotTrap() throws {
        let (model, files) = try audioModel()
        let samples = noise(3200, seed: 5)
        var pipeline = try ClassifierPipeline(model)
        try pipeline.push(samples.span) { _ in }
        var writer = SnapshotWriter()
        pipeline.snapshot(to: &writer)
        var random = SplitMix64(seed: 6)
        for round in 0..<400 {
            var bytes = writer.bytes
            // The first numbers are positions and counts, in which every bit matters.
            let end = round.isMultiple(of: 2) ? min(64, bytes.count) : bytes.count
            bytes[random.integer(in: 0...end - 1)] = UInt8(random.integer(in: 0...255))
            var damaged = try ClassifierPipeline(model)
            var reader = SnapshotReader(bytes)
            guard (try? damaged.restore(from: &reader)) != nil else { continue }
            try? damaged.push(samples.span) { _ = Decimal.text($0.time, 6) + Decimal.text($0.level, 1) }
        }
        withExtendedLifetime(files) {}
    }

    @Test func frontendMustFitTheModel() throws {
        let (_, files) = try audioModel()
        func refusal(_ path: [String], _ value: JSONValue?) throws -> String {
            let sound = files.configuration
            files.configuration = sound.with(path, value)
            try files.write()
            files.configuration = sound
            let error = try #require(throws: ClassifierError.self) {
                _ = try AudioModel(Model(directory: files.directory))
            }
            #expect(error.kind == .configuration && error.code == "frontend")
            return error.message
        }
        #expect(try refusal(["frontend", "bands"], .number(13)).contains("13 bands"))
        #expect(try refusal(["frontend", "recipe"], .string("mfcc")).contains("\"mfcc\""))
        #expect(try refusal(["frontend", "hops"], .number(160)).contains("\"hops\""))
        #expect(try refusal(["frontend", "hop"], .number(0)).contains("hop 0"))
        #expect(try refusal(["frontend"], .null).contains("encode --features"), "a model of other features")
    }
}
