/// Predictions of samples that arrive over time, made by ``predictions(of:model:)``.
public struct PredictionSequence<Source: AsyncSequence>: AsyncSequence where Source.Element: Collection<Float> {
    public typealias Element = Prediction
    public typealias Failure = any Error

    private let source: Source
    private let model: AudioModel

    init(_ source: Source, _ model: AudioModel) {
        self.source = source
        self.model = model
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source.makeAsyncIterator(), model) }

    /// One run through the predictions.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let source: Source.AsyncIterator
        private let model: AudioModel
        private var reader: PredictionReader<Source>?

        init(_ source: Source.AsyncIterator, _ model: AudioModel) {
            self.source = source
            self.model = model
        }

        /// Returns the next prediction, or `nil` at the end of the source or after the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Prediction? {
            let reader = try reader ?? PredictionReader(source, model)
            self.reader = reader
            return try await reader.next(isolation: actor)
        }
    }
}

extension PredictionSequence: Sendable where Source: Sendable {}

/// Pulls samples out of a source, one chunk when the one before it is used up. A class, because a pipeline cannot be
/// copied and an iterator must be.
private final class PredictionReader<Source: AsyncSequence> where Source.Element: Collection<Float> {
    private enum Phase {
        case reading
        /// The source has ended; so many zeros are to follow.
        case ending(zeros: Int)
        case ended
    }

    private var source: Source.AsyncIterator
    private var pipeline: ClassifierPipeline
    private var phase = Phase.reading
    private var chunk: [Float] = []
    /// Samples of the chunk that the pipeline has received.
    private var position = 0
    /// The source's error, thrown behind the last prediction.
    private var failure: (any Error)?

    init(_ source: Source.AsyncIterator, _ model: AudioModel) throws(ClassifierError) {
        self.source = source
        pipeline = try ClassifierPipeline(model)
    }

    func next(isolation actor: isolated (any Actor)?) async throws -> Prediction? {
        while !Task.isCancelled {
            switch phase {
            case .reading:
                let samples = chunk
                let isNew = try isPrediction { pipeline throws(ClassifierError) in
                    try pipeline.advance(samples.span, from: &position)
                }
                if isNew { return pipeline.prediction }
                await read(isolation: actor)
            case .ending(var zeros):
                let isNew = try isPrediction { pipeline throws(ClassifierError) in try pipeline.advanceEnd(&zeros) }
                phase = isNew ? .ending(zeros: zeros) : .ended
                if isNew { return pipeline.prediction }
            case .ended:
                guard let failure else { return nil }
                self.failure = nil
                throw failure
            }
        }
        phase = .ended
        failure = nil
        return nil
    }

    private func read(isolation actor: isolated (any Actor)?) async {
        do {
            if let samples = try await source.next(isolation: actor) {
                chunk = Array(samples)
                position = 0
                return
            }
        } catch { failure = error }
        chunk = []
        position = 0
        phase = .ending(zeros: pipeline.endZeros)
    }

    /// Runs a step of the pipeline; its error is the last thing that the sequence brings.
    private func isPrediction(_ step: (inout ClassifierPipeline) throws(ClassifierError) -> Bool) throws -> Bool {
        do { return try step(&pipeline) } catch {
            phase = .ended
            throw error
        }
    }
}
