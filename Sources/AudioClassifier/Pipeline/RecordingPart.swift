internal import StreamTransformer

/// A part of a recording before its encoder.
struct RecordingPart: Sendable {
    /// Frames before the part from which a late stream gets the state of the whole one; none for the first part.
    let replayed: [Float]
    let firstToken: Int64
    /// Complete frames from the part's first token on.
    var frames: [Float] = []
    /// Index, position and level of the predictions, one a token, without their probabilities.
    var predictions: [Prediction] = []

    mutating func add(_ frame: Span<Float>) {
        unsafe frame.withUnsafeBufferPointer { unsafe frames.append(contentsOf: $0) }
    }
}

/// A part of a recording with the probabilities of its predictions.
struct EncodedPart: Sendable {
    let predictions: [Prediction]
    /// Probabilities of the predictions up to the failure, one row a token.
    var probabilities: [Float] = []
    /// The reason why the rest of the recording has no predictions.
    var failure: ClassifierError?

    /// Encodes a part.
    /// - Parameter stream: any stream of the model. One that has just encoded the part before goes on; others replay.
    init(_ part: RecordingPart, _ model: Model, _ stream: inout StreamState) {
        predictions = part.predictions
        probabilities.reserveCapacity(predictions.count * model.configuration.labels.count)
        do throws(ModelError) { try encode(part, model, &stream) } catch { failure = ClassifierError(error) }
    }

    private mutating func encode(_ part: RecordingPart, _ model: Model, _ stream: inout StreamState) throws(ModelError)
    {
        let width = model.configuration.inputWidth
        if stream.tokens != part.firstToken {
            let count = part.replayed.count / width
            stream.startLate(tokens: part.firstToken - Int64(count / model.framesPerToken))
            for frame in 0..<count {
                try model.replay(part.replayed.span.extracting(frame * width..<(frame + 1) * width), &stream)
            }
        }
        var row = [Float](repeating: 0, count: model.configuration.labels.count)
        for frame in 0..<predictions.count * model.framesPerToken {
            guard try model.step(part.frames.span.extracting(frame * width..<(frame + 1) * width), &stream) else {
                continue
            }
            stream.copyLogits(to: &row)
            model.configuration.activation.apply(to: &row)
            probabilities += row
        }
    }
}
