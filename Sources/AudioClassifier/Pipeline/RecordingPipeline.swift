/// The path from samples to predictions of one recording.
package protocol RecordingPipeline: ~Copyable {
    /// Number of samples received.
    var sampleCount: Int64 { get }
    /// Number of predictions made.
    var predictionCount: Int64 { get }

    /// Receives samples and calls `body` with predictions in order, at once or later; those before an error may come
    /// with ``finish(_:)``.
    mutating func push(_ samples: Span<Float>, _ body: (Prediction) throws -> Void) throws
    /// Ends the recording and calls `body` with all predictions that are left.
    mutating func finish(_ body: (Prediction) throws -> Void) throws
}

extension ClassifierPipeline: RecordingPipeline {}
