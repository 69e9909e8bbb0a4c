internal import AudioClassifier
internal import NIOConcurrencyHelpers

/// Everything that an inference loop needs to begin a stream.
struct StreamSetup: Sendable {
    let id: String
    let model: AudioModel
    var report: ReportOptions
    /// Largest number of queued samples.
    let queueLimit: Int
    /// Largest number of outputs that wait for the reader.
    let outputLimit: Int
    /// Whether samples beyond the queue's limit are lost and reported as a gap; otherwise the sender waits.
    let dropsWhenFull: Bool
    /// The kinds of output that the client wants.
    let subscription: Subscription
    /// Whether the stream can be resumed. A resampled stream cannot, because a state does not include the resampler's.
    let keepsState: Bool
    /// Position of the first sample that the client sends; nil is the stream's own position.
    var position: Int64?
    /// The state to resume from.
    var state: [UInt8]?
    /// The reason why a client that asked to resume gets a new stream.
    var note: String?
}

/// The kinds of output that a reader of a stream wants.
package struct Subscription: Sendable, Equatable {
    package var frames = true
    package var events = true
    package var features = false

    func includes(_ record: Record) -> Bool {
        switch record {
        case .frame: frames
        case .event: events
        case .start, .summary, .window, .error, .skipped, .gap, .failure, .end: true
        }
    }
}

/// One output of a stream.
enum StreamOutput: Sendable {
    case records([Record])
    /// Log-mel frames as the model sees them, after the index of the first one.
    case features(first: Int64, [Float])
}

/// The reason why a stream ends.
enum EndReason: Sendable, Equatable {
    /// The client has sent all its audio.
    case complete
    /// The service stops.
    case stopped
    /// The connection broke.
    case lost
    /// A source brought no audio for too long. Its next audio begins another stream.
    case idle(message: String)
    /// A failure, which the client gets as an `error` record.
    case failed(code: String, message: String)

    /// Whether the stream cannot be resumed after this end.
    var isFinal: Bool {
        switch self {
        case .complete, .idle: true
        case .stopped, .lost, .failed: false
        }
    }

    /// Labels that have a sample from the start; codes of failures follow.
    static let names = ["complete", "stopped", "connection_lost", "idle", "slow_reader"]

    /// The label of the metric that counts ends.
    var name: String {
        switch self {
        case .complete: "complete"
        case .stopped: "stopped"
        case .lost: "connection_lost"
        case .idle: "idle"
        case .failed(let code, _): code
        }
    }
}

/// The last records of a stream. Its loop sets them once, and the connection writes them after all queued outputs.
final class FinalRecords: Sendable {
    private let value = NIOLockedValueBox<[Record]?>(nil)

    /// Ends of open events, the `error` record of a failure, `end`.
    var records: [Record] { value.withLockedValue { $0 ?? [] } }

    func set(_ records: [Record]) { value.withLockedValue { $0 = records } }
}

/// A connection's view of its stream.
struct OpenStream: Sendable {
    let id: String
    let loop: InferenceLoop
    /// The model's sample rate in Hz.
    let rate: Int
    let start: Record
    let output: AsyncStream<StreamOutput>
    let finalRecords: FinalRecords
    /// Finishes when the stream has ended.
    let completion: AsyncStream<Never>
}

/// Figures of a running stream.
struct StreamStatus: Sendable {
    let id: String
    let model: String
    let rate: Int
    /// Samples that have been classified.
    let position: Int64
    let predictions: Int64
    /// Samples that wait.
    let queued: Int
    /// Samples that were lost.
    let dropped: Int64
    let watchers: Int
}
