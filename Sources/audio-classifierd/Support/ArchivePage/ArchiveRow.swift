internal import FoundationEssentials

/// A line of `classify`, as an archive's page needs it.
package enum ArchiveRow: Sendable, Equatable {
    /// A label with its probability.
    package struct Score: Sendable, Equatable, Decodable {
        package let label: String
        package let p: Double
    }

    /// A part of a recording, or all of it, with its likeliest labels.
    package struct Sound: Sendable, Equatable {
        package let file: String
        /// Seconds from the beginning of the recording.
        package let start: Double
        package let end: Double
        /// Time of the start in seconds since 1970; nil if it is unknown.
        package let time: Double?
        package let scores: [Score]
        /// What is odd about the recording, in its last row.
        package var warnings: [String] = []
    }

    case summary(Sound)
    case window(Sound)
    case event(Sound)
    /// The beginning of a recording with events.
    case start(file: String, secondsPerFrame: Double, time: Double?)
    /// The end of a recording with events.
    case end(frames: Double, warnings: [String] = [])
    case failure(file: String, code: String, message: String, isSkipped: Bool)
    /// A line that is right, and that the page does not show.
    case other

    /// The members that are read; others are ignored.
    private struct Line: Decodable {
        let type: String
        let file, stream, phase, label, code, message: String?
        let seconds, t0, t1, peak, time, rate, hop, frames: Double?
        let top: [Score]?
        let warnings: [String]?

        private enum CodingKeys: String, CodingKey {
            case type, file, stream, phase, label, code, message, seconds, t0, t1, time, rate, hop, frames, top,
                warnings
            case peak = "p_max"
        }
    }

    /// The longest recording: a century.
    private static let longest = 3.2e9
    /// Times of the years 1970 to 9999.
    private static let times = 0..<253_402_300_800.0

    /// Reads a line; nil if it is damaged.
    package init?(_ bytes: ArraySlice<UInt8>) {
        guard let line = try? JSONDecoder().decode(Line.self, from: Data(bytes)) else { return nil }
        let file = line.file ?? line.stream
        let time = line.time.flatMap { Self.times.contains($0) ? $0 : nil }
        func sound(_ start: Double?, _ end: Double?, _ scores: [Score]?) -> Sound? {
            guard let file, let start, let end, let scores, 0 <= start, start <= end, end <= Self.longest,
                scores.allSatisfy({ (0...1).contains($0.p) })
            else { return nil }
            return Sound(file: file, start: start, end: end, time: time, scores: scores, warnings: line.warnings ?? [])
        }
        switch line.type {
        case "summary":
            guard let sound = sound(0, line.seconds, line.top) else { return nil }
            self = .summary(sound)
        case "window":
            guard let sound = sound(line.t0, line.t1, line.top) else { return nil }
            self = .window(sound)
        case "event" where line.phase == "end":
            let scores = line.label.flatMap { label in line.peak.map { [Score(label: label, p: $0)] } }
            guard let sound = sound(line.t0, line.t1, scores) else { return nil }
            self = .event(sound)
        case "start":
            guard let file, let rate = line.rate, let hop = line.hop, rate > 0, hop >= 0 else { return nil }
            self = .start(file: file, secondsPerFrame: hop / rate, time: time)
        case "end":
            guard let frames = line.frames, (0...1e12).contains(frames) else { return nil }
            self = .end(frames: frames, warnings: line.warnings ?? [])
        case "error", "skipped":
            guard let file, let code = line.code, let message = line.message else { return nil }
            self = .failure(file: file, code: code, message: message, isSkipped: line.type == "skipped")
        case "event", "frame", "gap": self = .other
        default: return nil
        }
    }
}
