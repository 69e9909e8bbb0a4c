/// Returns the predictions of samples that arrive over time.
///
/// ```swift
/// for try await prediction in AudioClassifier.predictions(of: microphone, model: model) {
///     print(prediction.best.label)
/// }
/// ```
///
/// The sequence pulls: it asks `source` for its next chunk only when the predictions of the chunk before are used up
/// and the caller wants another one. It works in the caller's task. When the task is cancelled, the sequence ends.
/// - Parameters:
///   - source: chunks of mono samples at the model's rate, from -1 to 1; their sizes do not change the predictions.
///   - model: the model that classifies them.
/// - Returns: a sequence that throws the error of `source`, behind the predictions of the samples before it, or a
///   ``ClassifierError``.
public func predictions<Source: AsyncSequence>(
    of source: Source, model: AudioModel
) -> PredictionSequence<Source> where Source.Element: Collection<Float> {
    PredictionSequence(source, model)
}

/// Returns the events in samples that arrive over time, each twice: when it starts and when it has ended.
///
/// ```swift
/// for try await event in AudioClassifier.events(of: microphone, model: model) { print(event) }
/// ```
///
/// The sequence pulls as ``predictions(of:model:)`` does. Every event that has started also ends: when `source` ends,
/// when it throws, and when the task is cancelled, the ends of open events come first, and then the sequence ends or
/// throws.
/// - Parameters:
///   - source: chunks of mono samples at the model's rate, from -1 to 1; their sizes do not change the events.
///   - model: the model that classifies them.
///   - rules: the rules that make events of predictions; `nil` means the model's own.
/// - Returns: a sequence that throws the error of `source`, or a ``ClassifierError``.
public func events<Source: AsyncSequence>(
    of source: Source, model: AudioModel, rules: DecisionRules? = nil
) -> EventSequence<Source> where Source.Element: Collection<Float> {
    EventSequence(PredictionSequence(source, model), rules ?? DecisionRules(model))
}
