internal import AudioClassifier
internal import TestSupport
internal import Testing

/// Predictions and events of samples that arrive over time.
@Suite struct SequenceTests {
    private let model: AudioModel
    private let files: TemporaryModel
    private let samples = noise(8000, seed: 7)

    init() throws { (model, files) = try audioModel(isCentred: true) }

    /// Rules that give the random model's noise events, some of them open at the end.
    private var rules: DecisionRules {
        get throws {
            var settings = DecisionRules.Settings()
            settings.threshold = 0.25
            settings.thresholdOff = 0.2
            return try DecisionRules(model, settings)
        }
    }

    private func pipelinePredictions() throws -> [Prediction] {
        var pipeline = try ClassifierPipeline(model)
        var predictions: [Prediction] = []
        try pipeline.push(samples) { predictions.append($0) }
        try pipeline.finish { predictions.append($0) }
        return predictions
    }

    private func events(of predictions: some Sequence<Prediction>) throws -> [Event] {
        var detector = EventDetector(try rules)
        return predictions.flatMap { detector.update($0) } + detector.finish()
    }

    @Test(arguments: [1, 160, 777, 8000])
    func predictionsAreThePipelines(chunk: Int) async throws {
        var bits: [PredictionBits] = []
        for try await prediction in AudioClassifier.predictions(of: SampleSource(samples, chunk: chunk), model: model) {
            bits.append(PredictionBits(prediction))
        }
        #expect(bits == (try pipelinePredictions()).map { PredictionBits($0) })
        #expect(bits.count > 20)
    }

    @Test(arguments: [160, 777])
    func eventsAreTheDetectors(chunk: Int) async throws {
        var events: [Event] = []
        let source = SampleSource(samples, chunk: chunk)
        for try await event in AudioClassifier.events(of: source, model: model, rules: try rules) {
            events.append(event)
        }
        #expect(events == (try self.events(of: try pipelinePredictions())))
        #expect(events.count > 4)
        let ids = Dictionary(grouping: events, by: \.id)
        #expect(
            ids.values.allSatisfy { $0.map(\.isOngoing) == [true, false] }, "one start and one end for every identity")
    }

    @Test func anyChunkOfSamplesWillDo() async throws {
        let stream = AsyncStream<ArraySlice<Float>> { continuation in
            for start in stride(from: 0, to: 8000, by: 500) { continuation.yield(samples[start..<start + 500]) }
            continuation.finish()
        }
        var count = 0
        for try await _ in AudioClassifier.predictions(of: stream, model: model) { count += 1 }
        #expect(count == (try pipelinePredictions()).count)
    }

    /// A prediction is delivered before a chunk after the one that completes it is requested.
    @Test func sourceIsPulledNoFurtherThanNeeded() async throws {
        let source = SampleSource(samples, chunk: 400)
        var iterator = AudioClassifier.predictions(of: source, model: model).makeAsyncIterator()
        #expect(source.pulls.value == 0, "no chunk is requested before the first prediction is")
        while let prediction = try await iterator.next() {
            let needed = min(source.chunks.count + 1, Int((prediction.sample + 399) / 400))
            let isAtEnd = prediction.sample == samples.count && source.pulls.value == source.chunks.count + 1
            #expect(source.pulls.value == needed || isAtEnd, "at sample \(prediction.sample)")
        }
        #expect(source.pulls.value == source.chunks.count + 1)
        #expect(try await iterator.next() == nil)
        #expect(source.pulls.value == source.chunks.count + 1, "a source that has ended is not asked again")
    }

    /// One chunk with many predictions is classified as predictions are requested.
    @Test func chunkIsClassifiedAsPredictionsAreWanted() async throws {
        let source = SampleSource(samples, chunk: samples.count)
        var iterator = AudioClassifier.predictions(of: source, model: model).makeAsyncIterator()
        let first = try #require(try await iterator.next())
        #expect(first.index == 0 && first.sample < 1000 && source.pulls.value == 1)
    }

    @Test func sourcesErrorComesBehindWhatItGave() async throws {
        var source = SampleSource(samples, chunk: 500)
        source.isFaulty = true
        var bits: [PredictionBits] = []
        await #expect(throws: SampleSource.Fault.self) {
            for try await prediction in AudioClassifier.predictions(of: source, model: model) {
                bits.append(PredictionBits(prediction))
            }
        }
        #expect(bits == (try pipelinePredictions()).map { PredictionBits($0) })
        var events: [Event] = []
        await #expect(throws: SampleSource.Fault.self) {
            for try await event in AudioClassifier.events(of: source, model: model, rules: try rules) {
                events.append(event)
            }
        }
        #expect(events == (try self.events(of: try pipelinePredictions())), "open events end first")
    }

    @Test func sampleThatIsNotFiniteIsAnError() async throws {
        var broken = samples
        broken[4000] = .nan
        var count = 0
        let error = await #expect(throws: ClassifierError.self) {
            for try await _ in AudioClassifier.predictions(of: SampleSource(broken, chunk: 500), model: model) {
                count += 1
            }
        }
        #expect(error?.kind == .data && count > 0)
    }

    @Test(arguments: [3, 9])
    func cancellationEndsTheSequence(chunk: Int) async throws {
        var source = SampleSource(samples, chunk: 500)
        source.cancels = chunk
        let (model, rules, cancelled) = (model, try rules, source)
        let predictions = try await Task {
            var predictions: [Prediction] = []
            for try await prediction in AudioClassifier.predictions(of: cancelled, model: model) {
                predictions.append(prediction)
            }
            return predictions
        }.value
        let expected = try pipelinePredictions().prefix { $0.sample <= 500 * chunk }
        #expect(predictions.map(PredictionBits.init) == expected.map(PredictionBits.init))
        #expect(source.pulls.value == chunk + 1, "no chunk is requested after the cancellation")
        let events = try await Task {
            var events: [Event] = []
            for try await event in AudioClassifier.events(of: cancelled, model: model, rules: rules) {
                events.append(event)
            }
            return events
        }.value
        #expect(events == (try self.events(of: expected)), "open events end")
    }

    @Test func sourcesErrorInACancelledTaskIsNone() async throws {
        var source = SampleSource(samples, chunk: 500)
        source.isFaulty = true
        source.cancels = source.chunks.count
        let (model, cancelled) = (model, source)
        let count = try await Task {
            var count = 0
            for try await _ in AudioClassifier.predictions(of: cancelled, model: model) { count += 1 }
            return count
        }.value
        #expect(count > 0)
    }
}
