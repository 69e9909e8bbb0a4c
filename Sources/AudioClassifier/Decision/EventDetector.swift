internal import Kernels
package import StrictCoding

/// A sound with a beginning and an end.
public struct Event: Sendable, Equatable {
    public enum Phase: String, Sendable { case start, end }

    public let phase: Phase
    /// Index of the label.
    public let label: Int
    /// Sample position of the prediction that started it: with the stream and the label it makes the event's id.
    public let sample: Int64
    /// In seconds; the end is nil until it is known.
    public let start: Double
    public let end: Double?
    /// The largest probability so far.
    public let peak: Float
}

/// Probabilities to events, a small state machine a label: two thresholds, a least duration, merging over short gaps, a time of
/// rest after each event. A pure function of the predictions.
public struct EventDetector: Sendable {
    private enum State: Equatable {
        case idle
        /// Above the threshold, not yet for the least duration.
        case rising
        /// Announced.
        case active
        /// Announced, and below the lower threshold since `last`.
        case falling
    }

    private struct Track {
        var state = State.idle
        var sample: Int64 = 0
        var start = 0.0
        /// The newest time at which it was above the lower threshold.
        var last = 0.0
        var peak: Float = 0
        var restUntil = -1.0
    }

    /// Times are rounded: whether a gap is the largest allowed must not depend on where in the stream it is.
    /// In seconds, less than a sample.
    private static let rounding = 1e-6

    private let rules: DecisionRules
    private var tracks: [Track]

    public init(_ rules: DecisionRules) {
        self.rules = rules
        tracks = rules.starts.map { _ in Track() }
    }

    /// Takes the next prediction and returns what starts or ends with it.
    public mutating func update(_ prediction: borrowing Prediction) -> [Event] {
        var events: [Event] = []
        for label in tracks.indices where rules.isEvent[label] {
            let probability = prediction.probabilities[label]
            let time = prediction.time
            if case .falling = tracks[label].state, time - tracks[label].last > rules.maximumGap + Self.rounding {
                events.append(end(label))
            }
            let isOn = probability >= rules.starts[label] && prediction.level >= rules.minimumLevel
            let isHeld = probability >= rules.ends[label]
            switch tracks[label].state {
            case .idle:
                guard isOn && time >= tracks[label].restUntil - Self.rounding else { continue }
                tracks[label] = Track(
                    state: .rising, sample: prediction.sample, start: time, last: time, peak: probability,
                    restUntil: tracks[label].restUntil)
            case .rising:
                guard isHeld else {
                    tracks[label].state = .idle
                    continue
                }
            case .active:
                guard isHeld else {
                    tracks[label].state = .falling
                    if rules.maximumGap == 0 { events.append(end(label)) }
                    continue
                }
            case .falling:
                guard isOn else { continue }
                tracks[label].state = .active
            }
            tracks[label].last = time
            tracks[label].peak = max(tracks[label].peak, probability)
            if case .rising = tracks[label].state,
                time - tracks[label].start >= rules.minimumDuration - Self.rounding
            {
                tracks[label].state = .active
                events.append(event(label, .start))
            }
        }
        return events
    }

    /// The stream has ended, and so has every event that is still open. What it cut short while the least duration was not yet over
    /// is told if half of that was: a short file often ends soon after the sound that it was recorded for.
    public mutating func finish() -> [Event] {
        tracks.indices.flatMap { label -> [Event] in
            let track = tracks[label]
            switch track.state {
            case .active, .falling: return [end(label)]
            case .rising where track.last - track.start >= rules.minimumDuration / 2 - Self.rounding:
                return [event(label, .start), end(label)]
            case .idle, .rising: return []
            }
        }
    }

    private mutating func end(_ label: Int) -> Event {
        tracks[label].state = .idle
        tracks[label].restUntil = tracks[label].last + rules.refractoryTime
        return event(label, .end)
    }

    private func event(_ label: Int, _ phase: Event.Phase) -> Event {
        let track = tracks[label]
        return Event(
            phase: phase, label: label, sample: track.sample, start: max(0, track.start - rules.padding),
            end: phase == .end ? track.last + rules.padding : nil, peak: track.peak)
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        for track in tracks {
            let state: Int64 =
                switch track.state {
                case .idle: 0
                case .rising: 1
                case .active: 2
                case .falling: 3
                }
            writer.write(state)
            writer.write(track.sample)
            for value in [track.start, track.last, Double(track.peak), track.restUntil] {
                writer.write(Int64(bitPattern: value.bitPattern))
            }
        }
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        for label in tracks.indices {
            let states: [State] = [.idle, .rising, .active, .falling]
            tracks[label].state = states[try reader.readInt(in: 0...3)]
            tracks[label].sample = try reader.readInt64()
            tracks[label].start = try Self.readTime(from: &reader)
            tracks[label].last = try Self.readTime(from: &reader)
            tracks[label].peak = Float(try Self.readTime(from: &reader))
            tracks[label].restUntil = try Self.readTime(from: &reader)
        }
    }

    /// A number of seconds that a stream can have; no other one can be written as a decimal.
    private static func readTime(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) -> Double {
        let time = Double(bitPattern: UInt64(bitPattern: try reader.readInt64()))
        guard abs(time) <= 1e12 else { throw SnapshotReader.Truncated() }
        return time
    }
}
