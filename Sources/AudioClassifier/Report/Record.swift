package import StrictCoding

/// One record of the output, as the program writes it (JSON lines, version 1).
///
/// ```swift
/// for event in detector.update(prediction) { print(Record(event, stream: "microphone").json) }
/// ```
public enum Record: Sendable {
    /// Whether a record is about the start or the end of an event.
    public enum EventPhase: String, Sendable { case start, end }

    /// The part of a live stream's start that a file's start does not have.
    public struct LiveStart: Sendable, Equatable {
        /// Position of the next sample, above 0 for a resumed stream.
        public let sample: Int64
        public let isResumed: Bool
        /// The reason why a stream that was to be resumed starts afresh.
        public let note: String?
        /// Time of the start, in seconds since 1970.
        public let time: Double

        package init(sample: Int64, isResumed: Bool, note: String?, time: Double) {
            self.sample = sample
            self.isResumed = isResumed
            self.note = note
            self.time = time
        }
    }

    case start(
        stream: String, file: String?, rate: Int, hop: Int, model: String, modelHash: String, labels: Int,
        live: LiveStart? = nil)
    case frame(
        stream: String, frame: Int64, sample: Int64, time: Double, warm: Bool, top: [Classification], level: Double)
    case event(
        id: String, phase: EventPhase, stream: String, label: String, start: Double, end: Double?, peak: Float)
    case summary(file: String, seconds: Double, top: [Classification], warnings: [String] = [])
    /// One of the fixed windows that a recording is divided into.
    case window(file: String, start: Double, end: Double, top: [Classification], warnings: [String] = [])
    case error(file: String, code: String, message: String)
    /// A file that was found and is not classified, with the reason.
    case skipped(file: String, code: String, message: String)
    /// Samples of a live stream that were lost, from this position on.
    case gap(stream: String, sample: Int64, lost: Int64)
    /// The reason why a live stream ends early.
    case failure(stream: String, code: String, message: String)
    case end(stream: String, frames: Int64, dropped: Int64, warnings: [String] = [])

    /// Makes the record of a prediction.
    /// - Parameters:
    ///   - stream: the name that the record gives to the stream.
    ///   - top: the labels that it lists; `nil` means the three most probable ones.
    public init(_ prediction: Prediction, stream: String, top: [Classification]? = nil) {
        self = .frame(
            stream: stream, frame: prediction.index, sample: prediction.sample, time: prediction.time,
            warm: prediction.isWarm, top: top ?? prediction.top(3), level: prediction.level)
    }

    /// Makes the record of an event's start or end.
    /// - Parameter stream: the name that the record gives to the stream, and with which its `id` begins.
    public init(_ event: Event, stream: String) { self.init(event, stream: stream, identity: stream) }

    /// - Parameter identity: the beginning of the record's `id`.
    package init(_ event: Event, stream: String, identity: String) {
        self = .event(
            id: "\(identity)-\(event.id)", phase: event.isOngoing ? .start : .end, stream: stream, label: event.label,
            start: event.start, end: event.end, peak: event.peakProbability)
    }

    /// The record as one line of JSON, `type` first.
    public var json: String { object.text }

    /// The record as a JSON object, to which members can be added.
    package var object: JSONWriter {
        var line = JSONWriter(type: kind)
        switch self {
        case .start(let stream, let file, let rate, let hop, let model, let modelHash, let labels, let live):
            line.add("stream", stream)
            if let file { line.add("file", file) }
            line.add("rate", rate)
            line.add("hop", hop)
            line.add("model", model)
            line.add("model_sha256", modelHash)
            line.add("labels", labels)
            if let live {
                line.add("sample", Int(live.sample))
                line.add("resumed", live.isResumed)
                if let note = live.note { line.add("note", note) }
                line.add("time", live.time, decimals: 3)
            }
        case .frame(let stream, let frame, let sample, let time, let warm, let top, let level):
            line.add("stream", stream)
            line.add("frame", Int(frame))
            line.add("sample", Int(sample))
            line.add("t", time, decimals: 6)
            line.add("warm", warm)
            line.add("top", top)
            line.add("dbfs", level, decimals: 1)
        case .event(let id, let phase, let stream, let label, let start, let end, let peak):
            line.add("id", id)
            line.add("phase", phase.rawValue)
            line.add("stream", stream)
            line.add("label", label)
            line.add("t0", start, decimals: 6)
            if let end { line.add("t1", end, decimals: 6) } else { line.addNull("t1") }
            line.add("p_max", Double(peak), decimals: 4)
        case .summary(let file, let seconds, let top, let warnings):
            line.add("file", file)
            line.add("seconds", seconds, decimals: 3)
            line.add("top", top)
            line.add(warnings: warnings)
        case .window(let file, let start, let end, let top, let warnings):
            line.add("file", file)
            line.add("t0", start, decimals: 6)
            line.add("t1", end, decimals: 6)
            line.add("top", top)
            line.add(warnings: warnings)
        case .error(let file, let code, let message), .skipped(let file, let code, let message):
            line.add("file", file)
            line.add("code", code)
            line.add("message", message)
        case .gap(let stream, let sample, let lost):
            line.add("stream", stream)
            line.add("sample", Int(sample))
            line.add("lost_samples", Int(lost))
        case .failure(let stream, let code, let message):
            line.add("stream", stream)
            line.add("code", code)
            line.add("message", message)
        case .end(let stream, let frames, let dropped, let warnings):
            line.add("stream", stream)
            line.add("frames", Int(frames))
            line.add("dropped", Int(dropped))
            line.add(warnings: warnings)
        }
        return line
    }

    private var kind: String {
        switch self {
        case .start: "start"
        case .frame: "frame"
        case .event: "event"
        case .summary: "summary"
        case .window: "window"
        case .error, .failure: "error"
        case .skipped: "skipped"
        case .gap: "gap"
        case .end: "end"
        }
    }
}

extension [Record] {
    /// Puts the warnings of a recording into its last record.
    mutating func addToLast(warnings: [String]) {
        for index in indices.reversed() {
            switch self[index] {
            case .summary(let file, let seconds, let top, _):
                self[index] = .summary(file: file, seconds: seconds, top: top, warnings: warnings)
            case .window(let file, let start, let end, let top, _):
                self[index] = .window(file: file, start: start, end: end, top: top, warnings: warnings)
            case .end(let stream, let frames, let dropped, _):
                self[index] = .end(stream: stream, frames: frames, dropped: dropped, warnings: warnings)
            default: continue
            }
            return
        }
    }
}

extension JSONWriter {
    /// Adds the warnings of a recording, if there are any.
    fileprivate mutating func add(warnings: [String]) {
        if !warnings.isEmpty { add("warnings", warnings) }
    }

    /// Adds labels with their probabilities.
    package mutating func add(_ key: String, _ scores: [Classification]) {
        add(key, objects: scores) { object, score in
            object.add("label", score.label)
            object.add("p", Double(score.probability), decimals: 4)
        }
    }
}
