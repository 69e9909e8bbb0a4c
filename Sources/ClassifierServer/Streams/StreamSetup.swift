internal import AudioClassifier
internal import NIOConcurrencyHelpers

/// What an inference loop must know of a new stream.
struct StreamSetup: Sendable {
    let id: String
    let model: AudioModel
    var report: ReportOptions
    /// Samples that may wait.
    let queueLimit: Int
    /// Outputs that may wait for the reader.
    let outputLimit: Int
    /// The source cannot wait: what does not fit is lost, and said to be.
    let isLive: Bool
    /// What the client wants to be told.
    let interest: Interest
    /// Whether the stream can be gone on with: what a resampler holds is in no state.
    let keepsState: Bool
    /// Where the client is, in samples; nil is where the stream is.
    var position: Int64?
    /// The state to go on from.
    var state: [UInt8]?
    /// Why there is none, although the client asked to go on.
    var note: String?
}

/// Which of a stream's records and features somebody wants.
package struct Interest: Sendable, Equatable {
    package var frames = true
    package var events = true
    package var features = false

    func wants(_ record: Record) -> Bool {
        switch record {
        case .frame: frames
        case .event: events
        case .start, .summary, .error, .gap, .failure, .end: true
        }
    }
}

/// One thing that a stream tells.
enum StreamOutput: Sendable {
    case records([Record])
    /// Log-mel frames as the model sees them, the first one's index before them.
    case features(first: Int64, [Float])
}

/// Why a stream ends.
enum StreamEnd: Sendable, Equatable {
    /// The client has sent all its audio.
    case complete
    /// The service stops.
    case stopped
    /// The connection broke.
    case lost
    /// A source has said nothing for too long: what it says next is another stream.
    case silent(message: String)
    /// A reason that the client is told.
    case failed(code: String, message: String)

    /// Nobody comes back for the stream.
    var isOver: Bool {
        switch self {
        case .complete, .silent: true
        case .stopped, .lost, .failed: false
        }
    }
}

/// How a stream ended: set once by its loop, read by whoever writes to the client, after everything that waited.
final class StreamEnding: Sendable {
    private let value = NIOLockedValueBox<[Record]?>(nil)

    /// The last records: ends of open events, the reason, `end`.
    var records: [Record] { value.withLockedValue { $0 ?? [] } }

    func set(_ records: [Record]) { value.withLockedValue { $0 = records } }
}

/// A stream that has been opened, as its connection sees it.
struct OpenStream: Sendable {
    let id: String
    let loop: InferenceLoop
    /// Of its model, in Hz.
    let rate: Int
    let start: Record
    let output: AsyncStream<StreamOutput>
    let ending: StreamEnding
    /// Finishes when the stream has ended.
    let ended: AsyncStream<Never>
}

/// What is known about a running stream.
struct StreamStatus: Sendable {
    let id: String
    let model: String
    let rate: Int
    let position: Int64
    let predictions: Int64
    let queued: Int
    let dropped: Int64
    let watchers: Int
}
