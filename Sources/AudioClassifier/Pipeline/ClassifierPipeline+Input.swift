public import AudioFrontend

extension ClassifierPipeline {
    /// Receives an input from its first sample to its last and calls `body` with every prediction.
    ///
    /// ```swift
    /// let model = try AudioModel(named: "keywords-en")
    /// var classifier = try ClassifierPipeline(model)
    /// try classifier.classify(AudioInput(path: "left.wav", rate: model.sampleRate)) { print($0.best.label) }
    /// ```
    /// - Throws: the error of `body`, or a ``ClassifierError`` for an input that is wrong or has another rate than the
    ///   model's.
    public mutating func classify(
        _ input: consuming AudioInput, _ body: (Prediction) throws -> Void
    ) throws {
        guard input.rate == model.sampleRate else {
            throw ClassifierError(
                .usage, code: "rate",
                "\(input.name) is read at \(input.rate) Hz, \(model.name) takes \(model.sampleRate) Hz; "
                    + "open the input with rate: model.sampleRate")
        }
        var failure: (any Error)?
        var isMore = true
        while isMore {
            do {
                isMore = try input.read { samples in
                    guard failure == nil else { return }
                    do { try push(samples, body) } catch { failure = error }
                }
            } catch { throw ClassifierError(error) }
            if let failure { throw failure }
        }
        try finish(body)
    }
}
