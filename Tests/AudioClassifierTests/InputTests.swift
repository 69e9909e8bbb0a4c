internal import AudioClassifier
internal import AudioFrontend
internal import TestSupport
internal import Testing

/// A pipeline processes an input from its first sample to its last.
@Suite struct InputTests {
    private let folder: TemporaryDirectory
    private let model: AudioModel
    private let files: TemporaryModel
    private let samples = noise(8000, seed: 9)

    init() throws {
        folder = try TemporaryDirectory()
        (model, files) = try audioModel(isCentred: true)
    }

    private func input(_ samples: [Float], rate: Int) throws -> AudioInput {
        let bytes = samples.flatMap { sample in (0..<4).map { UInt8(truncatingIfNeeded: sample.bitPattern >> (8 * $0)) }
        }
        try folder.write(bytes, to: "samples")
        var options = InputOptions()
        options.container = .raw
        options.sampleFormat = .f32le
        return try AudioInput(path: "\(folder.path)/samples", rate: rate, options: options)
    }

    @Test func predictionsAreThoseOfItsSamples() throws {
        var pushed = try ClassifierPipeline(model)
        var expected: [PredictionBits] = []
        try pushed.push(samples) { expected.append(PredictionBits($0)) }
        try pushed.finish { expected.append(PredictionBits($0)) }
        var pipeline = try ClassifierPipeline(model)
        var bits: [PredictionBits] = []
        try pipeline.classify(try input(samples, rate: model.sampleRate)) { bits.append(PredictionBits($0)) }
        #expect(bits == expected && bits.count > 20)
        #expect(pipeline.sampleCount == samples.count)
    }

    @Test func anotherRateIsRefused() throws {
        var pipeline = try ClassifierPipeline(model)
        var refusal: ClassifierError?
        do { try pipeline.classify(try input(samples, rate: 8000)) { _ in } } catch let error as ClassifierError {
            refusal = error
        }
        #expect(refusal?.kind == .usage && refusal?.message.contains("8000 Hz") == true)
        #expect(refusal?.message.contains("16000 Hz") == true)
    }

    @Test func inputsErrorComesBehindWhatItGave() throws {
        var broken = samples
        broken[4000] = .infinity
        var pipeline = try ClassifierPipeline(model)
        var (count, refusal) = (0, ClassifierError?.none)
        do {
            try pipeline.classify(try input(broken, rate: model.sampleRate)) { _ in count += 1 }
        } catch let error as ClassifierError { refusal = error }
        #expect(refusal?.kind == .data && refusal?.code == "non_finite_sample")
        #expect(count > 0)
    }
}
