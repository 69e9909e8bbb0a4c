package import StrictCoding

/// One thing to tell: a line of output, whatever its format (JSON lines, version 1).
public enum Record: Sendable {
    public struct Score: Sendable, Equatable {
        public let label: String
        public let probability: Float

        package init(label: String, probability: Float) {
            self.label = label
            self.probability = probability
        }
    }

    /// What the start of a live stream says beside a file's.
    public struct LiveStart: Sendable, Equatable {
        /// Position of the next sample: 0, or where a resumed stream goes on.
        public let sample: Int64
        public let isResumed: Bool
        /// Why a stream that was to be resumed starts afresh.
        public let note: String?
        /// When it started, in seconds since 1970.
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
        stream: String, frame: Int64, sample: Int64, time: Double, warm: Bool, top: [Score], level: Double)
    case event(
        id: String, phase: Event.Phase, stream: String, label: String, start: Double, end: Double?, peak: Float)
    case summary(file: String, seconds: Double, top: [Score])
    case error(file: String, code: String, message: String)
    /// So many samples of a live stream were lost, from this position on.
    case gap(stream: String, sample: Int64, lost: Int64)
    /// Why a live stream ends before its time.
    case failure(stream: String, code: String, message: String)
    case end(stream: String, frames: Int64, dropped: Int64)

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
        case .summary(let file, let seconds, let top):
            line.add("file", file)
            line.add("seconds", seconds, decimals: 3)
            line.add("top", top)
        case .error(let file, let code, let message):
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
        case .end(let stream, let frames, let dropped):
            line.add("stream", stream)
            line.add("frames", Int(frames))
            line.add("dropped", Int(dropped))
        }
        return line
    }

    private var kind: String {
        switch self {
        case .start: "start"
        case .frame: "frame"
        case .event: "event"
        case .summary: "summary"
        case .error, .failure: "error"
        case .gap: "gap"
        case .end: "end"
        }
    }
}

extension JSONWriter {
    /// Adds labels with their probabilities.
    package mutating func add(_ key: String, _ scores: [Record.Score]) {
        add(key, objects: scores) { object, score in
            object.add("label", score.label)
            object.add("p", Double(score.probability), decimals: 4)
        }
    }
}
