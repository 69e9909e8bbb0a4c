internal import AudioClassifier
internal import CAllocationCounter
internal import Testing

/// Labels of a prediction, and the memory that they need.
@Suite struct PredictionTests {
    @Test func bestAndTopNameLabels() {
        let prediction = prediction([0.2, 0.5, 0.3], at: 0)
        #expect(prediction.best == Classification(label: "dog", probability: 0.5))
        #expect(prediction.top(2).map(\.label) == ["dog", "quiet"])
        #expect(prediction.top(9).map(\.probability) == [0.5, 0.3, 0.2], "no more than there are")
        #expect(prediction.top(0).isEmpty)
        #expect(prediction.probability(of: "quiet") == 0.3)
        #expect(prediction.probability(of: "cat") == nil)
    }

    @Test func equalProbabilitiesKeepTheOrderOfLabels() {
        let equal = prediction([0.25, 0.5, 0.5], at: 0)
        #expect(equal.best.label == "dog")
        #expect(equal.top(3).map(\.label) == ["dog", "quiet", "horn"])
    }

    @Test func pipelineNamesItsModelsLabels() throws {
        let (model, files) = try audioModel()
        #expect(model.labels == ["label 0", "label 1", "label 2", "label 3", "label 4"])
        #expect(model.sampleRate == 16000 && model.hop == 160)
        var pipeline = try ClassifierPipeline(model)
        var count = 0
        try pipeline.push(noise(4000, seed: 1)) { prediction in
            #expect(prediction.labels == model.labels)
            let largest = prediction.probabilities.max()
            #expect(prediction.best.probability == largest && prediction.top(1) == [prediction.best])
            count += 1
        }
        #expect(count > 0)
        withExtendedLifetime(files) {}
    }

    /// Arrays, slices and spans give the same predictions, and so does a collection that is not contiguous.
    @Test func everyCollectionIsReceived() throws {
        let (model, files) = try audioModel()
        let samples = noise(4000, seed: 2)
        func bits(_ push: (inout ClassifierPipeline, (Prediction) -> Void) throws -> Void) throws -> [PredictionBits] {
            var pipeline = try ClassifierPipeline(model)
            var bits: [PredictionBits] = []
            try push(&pipeline) { bits.append(PredictionBits($0)) }
            return bits
        }
        let expected = try bits { try $0.push(samples.span, $1) }
        #expect(!expected.isEmpty)
        #expect(try bits { try $0.push(samples, $1) } == expected)
        #expect(try bits { try $0.push(([0] + samples).dropFirst(), $1) } == expected)
        #expect(try bits { try $0.push(ContiguousArray(samples), $1) } == expected)
        #expect(
            try bits { try $0.push(samples.reversed().lazy.map { -$0 }.lazy.map { -$0 }.reversed(), $1) } == expected)
        withExtendedLifetime(files) {}
    }

    @Test(.enabled(if: allocation_counter_is_active() != 0, "a sanitizer's allocator is not counted"))
    func noAllocationInAPush() throws {
        let (model, files) = try audioModel()
        let samples = noise(16000, seed: 3)
        var pipeline = try ClassifierPipeline(model)
        var (count, sum) = (0, Float(0))
        // The first push may initialise the process.
        try pipeline.push(samples) { sum += $0.probabilities[0] }
        for _ in 0..<2 {
            let before = allocation_counter_count()
            try pipeline.push(samples) { prediction in
                let best = prediction.best
                count += best.label.utf8.count
                sum += best.probability
            }
            try pipeline.push(samples.span) { sum += $0.probabilities[0] }
            let after = allocation_counter_count()
            #expect(after == before, "\(after - before) allocations in \(pipeline.predictionCount) predictions")
        }
        #expect(count > 0 && sum > 0)
        withExtendedLifetime(files) {}
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func sampleThatIsNotFiniteIsRefused(value: Float) throws {
        let (model, files) = try audioModel()
        let samples = noise(4000, seed: 4)
        func bits(_ pipeline: inout ClassifierPipeline, _ samples: [Float]) throws -> [PredictionBits] {
            var bits: [PredictionBits] = []
            try pipeline.push(samples) { bits.append(PredictionBits($0)) }
            return bits
        }
        var whole = try ClassifierPipeline(model)
        let expected = try bits(&whole, samples)
        var pipeline = try ClassifierPipeline(model)
        var observed = try bits(&pipeline, Array(samples[..<3000]))
        var error: ClassifierError?
        do { _ = try bits(&pipeline, [0, value]) } catch let refusal as ClassifierError { error = refusal }
        #expect(error?.kind == .data && error?.code == "non_finite_sample")
        #expect(error?.message.contains("sample 3001") == true)
        observed += try bits(&pipeline, Array(samples[3000...]))
        #expect(observed == expected, "the stream is as it was before")
        pipeline.reset()
        #expect(pipeline.sampleCount == 0 && pipeline.predictionCount == 0)
        #expect(try bits(&pipeline, samples) == expected, "and begins anew")
        withExtendedLifetime(files) {}
    }

    @Test func bodysErrorEndsThePush() throws {
        struct Enough: Error {}
        let (model, files) = try audioModel()
        var pipeline = try ClassifierPipeline(model)
        #expect(throws: Enough.self) { try pipeline.push(noise(8000, seed: 1)) { _ in throw Enough() } }
        #expect(pipeline.predictionCount == 1)
        withExtendedLifetime(files) {}
    }
}
