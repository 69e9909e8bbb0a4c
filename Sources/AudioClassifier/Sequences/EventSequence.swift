/// Events in samples that arrive over time, made by ``events(of:model:rules:)``.
public struct EventSequence<Source: AsyncSequence>: AsyncSequence where Source.Element: Collection<Float> {
    public typealias Element = Event
    public typealias Failure = any Error

    private let predictions: PredictionSequence<Source>
    private let rules: DecisionRules

    init(_ predictions: PredictionSequence<Source>, _ rules: DecisionRules) {
        self.predictions = predictions
        self.rules = rules
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(predictions.makeAsyncIterator(), EventDetector(rules))
    }

    /// One run through the events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var predictions: PredictionSequence<Source>.AsyncIterator
        private var detector: EventDetector
        /// Events of the newest prediction that are still to be returned.
        private var pending: ArraySlice<Event> = []
        private var isFinished = false
        /// The source's error, thrown behind the last event.
        private var failure: (any Error)?

        init(_ predictions: PredictionSequence<Source>.AsyncIterator, _ detector: EventDetector) {
            self.predictions = predictions
            self.detector = detector
        }

        /// Returns the next start or end of an event, or `nil` behind the last one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Event? {
            while true {
                if let event = pending.popFirst() { return event }
                if isFinished {
                    defer { failure = nil }
                    if let failure { throw failure }
                    return nil
                }
                do {
                    if let prediction = try await predictions.next(isolation: actor) {
                        pending = detector.update(prediction)[...]
                        continue
                    }
                } catch { failure = error }
                isFinished = true
                pending = detector.finish()[...]
            }
        }
    }
}

extension EventSequence: Sendable where Source: Sendable {}
