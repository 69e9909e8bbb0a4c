internal import AudioClassifier
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// The state of a suspended stream in a file. Any other file is refused with the reason.
@Suite struct StateFileTests {
    private let folder: TemporaryDirectory
    private let model: AudioModel
    private let files: TemporaryModel

    init() throws {
        folder = try TemporaryDirectory()
        (model, files) = try audioModel()
    }

    private var path: String { "\(folder.path)/state" }

    private func reporter(_ model: AudioModel) throws -> StreamReporter {
        let configuration = model.network.configuration
        return StreamReporter(
            configuration, stream: "s", options: ReportOptions(rules: try DecisionRules(configuration)))
    }

    private func save(_ model: AudioModel, to path: String) throws {
        var pipeline = try ClassifierPipeline(model)
        try pipeline.push(noise(2000, seed: 1).span) { _ in }
        try StateFile.save(pipeline, try reporter(model), model: model, to: path)
    }

    private func load(_ model: AudioModel, from path: String) throws {
        var pipeline = try ClassifierPipeline(model)
        var reporter = try reporter(model)
        try StateFile.load(&pipeline, &reporter, model: model, from: path)
        #expect(pipeline.sampleCount == 2000)
    }

    private func refusal(_ bytes: [UInt8]) throws -> String {
        try folder.write(bytes, to: "state")
        let error = try #require(throws: ClassifierError.self) { try load(model, from: path) }
        #expect(error.kind == .data && error.code == "snapshot")
        #expect(error.message.contains(path) && error.message.contains("--state-in"))
        return error.message
    }

    @Test func ownStateIsLoaded() throws {
        try save(model, to: path)
        try load(model, from: path)
    }

    @Test func stateOfAnotherModelIsRefused() throws {
        let (other, otherFiles) = try audioModel(seed: 77)
        try save(other, to: path)
        let message = try refusal(try folder.read("state"))
        #expect(message.contains(other.network.configuration.weightsFile.sha256), "hash of the state's model")
        #expect(message.contains(model.network.configuration.weightsFile.sha256), "hash of the expected model")
        withExtendedLifetime(otherFiles) {}
    }

    @Test func otherFilesAreRefused() throws {
        #expect(try refusal(Array("RIFF????WAVE".utf8)).contains("is not a stream's state"))
        #expect(try refusal([]).contains("cut"))
    }

    @Test func cutAndDamagedStatesAreRefused() throws {
        try save(model, to: path)
        let whole = try folder.read("state")
        for length in stride(from: 8, to: whole.count, by: 97) {
            #expect(try refusal(Array(whole[..<length])).contains("cut or damaged"))
        }
        #expect(try refusal(whole + [0]).contains("cut or damaged"))
        var random = SplitMix64(seed: 2)
        for _ in 0..<100 {
            var bytes = whole
            bytes[random.integer(in: 8...bytes.count - 1)] ^= UInt8(1) << UInt8(random.integer(in: 0...7))
            #expect(try refusal(bytes).contains("cut or damaged"))
        }
    }

    @Test func impossiblePathsAreRefused() throws {
        let missing = try #require(throws: ClassifierError.self) { try load(model, from: "\(folder.path)/none") }
        #expect(missing.kind == .noInput && missing.message.contains("none"))
        let unwritable = try #require(throws: ClassifierError.self) { try save(model, to: "\(folder.path)/none/state") }
        #expect(unwritable.kind == .inputOutput && unwritable.message.contains("none/state"))
    }
}
