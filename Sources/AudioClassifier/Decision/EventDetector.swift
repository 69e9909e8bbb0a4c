internal import Kernels
package import StrictCoding

/// A detector of events in the predictions of one stream.
///
/// ```swift
/// var detector = EventDetector(DecisionRules(model))
/// try classifier.push(samples) { prediction in
///     for event in detector.update(prediction) { print(event) }
/// }
/// for event in detector.finish() { print(event) }
/// ```
///
/// Every label has a small state machine: two thresholds, a least duration, merging over short gaps, and a time of rest
/// after each event. The events depend on the predictions alone.
///
/// A model notices a sound late, and remembers it after its end. The times of an event are therefore earlier than those
/// of its predictions by the delays in its rules; but an event begins at the earliest when the level rises, and ends at
/// the latest when it falls.
public struct EventDetector: Sendable {
    private enum State: Equatable {
        case idle
        /// Above the threshold, for less than the least duration.
        case rising
        /// Reported.
        case active
        /// Reported, and below the lower threshold since `last`.
        case falling
        /// Above the threshold, without a rise of the level, and not sure enough.
        case doubtful
    }

    private struct Track {
        var state = State.idle
        var sample: Int64 = 0
        var start = 0.0
        /// Newest time at which the probability was above the lower threshold.
        var last = 0.0
        var peak: Float = 0
        var restUntil = -1.0
        /// The loudness since the event's beginning.
        var loudness = Loudness()
        /// Time before which the sound has not begun: the label's last event ends there, or the quiet before this one.
        var earliest = 0.0
    }

    /// Tolerance of comparisons of times, in seconds, less than a sample. Times are rounded, and whether a gap is the
    /// largest allowed must not depend on its position in the stream.
    static let rounding = 1e-6

    /// The rules by which it decides.
    public let rules: DecisionRules
    private var tracks: [Track]
    private var recent: RecentLevels

    /// Makes the detector of a new stream.
    public init(_ rules: DecisionRules) {
        self.rules = rules
        tracks = rules.labels.map { _ in Track() }
        recent = RecentLevels(span: rules.levelSpan)
    }

    /// Returns the events that start or end with the next prediction.
    public mutating func update(_ prediction: Prediction) -> [Event] {
        var events: [Event] = []
        defer { recent.add(prediction.level, at: prediction.time) }
        for label in tracks.indices where rules.isEvent[label] {
            let probability = prediction.probabilities[label]
            let time = prediction.time
            if case .falling = tracks[label].state, time - tracks[label].last > rules.maximumGap + Self.rounding {
                events.append(end(label))
            }
            let isOn = probability >= rules.startThresholds[label] && prediction.level >= rules.minimumLevel
            let isHeld = probability >= rules.endThresholds[label]
            switch tracks[label].state {
            case .idle:
                guard isOn && time >= tracks[label].restUntil - Self.rounding else { continue }
                tracks[label] = Track(
                    state: isRise(to: prediction) ? .rising : .doubtful, sample: prediction.sample, start: time,
                    last: time, peak: probability,
                    restUntil: tracks[label].restUntil, earliest: tracks[label].earliest)
                if let quiet = recent.quiet(after: begin(label), before: prediction.level, fall: rules.offsetFall) {
                    tracks[label].earliest = quiet
                }
                tracks[label].loudness = recent.loudness(after: begin(label), fall: rules.offsetFall)
            case .rising, .doubtful:
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
            tracks[label].loudness.hear(prediction.level, at: time, fall: rules.offsetFall)
            tracks[label].peak = max(tracks[label].peak, probability)
            if case .doubtful = tracks[label].state, tracks[label].peak >= rules.steadyThreshold {
                tracks[label].state = .rising
            }
            if case .rising = tracks[label].state,
                time - tracks[label].start >= rules.minimumDuration - Self.rounding
            {
                tracks[label].state = .active
                events.append(event(label))
            }
        }
        return events
    }

    /// Ends the stream and returns the ends of all open events.
    ///
    /// A sound that the end of the stream cuts short becomes an event if it has lasted half of the least duration: a
    /// short recording often ends soon after the sound for which it was made.
    public mutating func finish() -> [Event] {
        tracks.indices.flatMap { label -> [Event] in
            let track = tracks[label]
            switch track.state {
            case .active: return [end(label, isCut: true)]
            case .falling: return [end(label)]
            case .rising where track.last - track.start >= rules.minimumDuration / 2 - Self.rounding:
                return [event(label), end(label, isCut: true)]
            case .idle, .rising, .doubtful: return []
            }
        }
    }

    /// Returns whether the level has risen enough for an event whose first prediction this is.
    private func isRise(to prediction: Prediction) -> Bool {
        guard rules.minimumRise > 0 else { return true }
        let middle = prediction.time - DecisionRules.riseTime + Self.rounding
        let rise = recent.rise(at: middle, from: middle - DecisionRules.riseTime, to: prediction.level)
        return rise >= rules.minimumRise
    }

    /// - Parameter isCut: whether the stream ends before the model has forgotten the sound.
    private mutating func end(_ label: Int, isCut: Bool = false) -> Event {
        tracks[label].state = .idle
        tracks[label].restUntil = tracks[label].last + rules.refractoryTime
        // The delay is a usual one: a sound that was noticed has lasted until then, unless the level says otherwise.
        let remembered = isCut ? 0 : rules.offsetDelay
        let heard = max(tracks[label].start, tracks[label].last - remembered)
        let end = max(begin(label), min(heard, tracks[label].loudness.newest))
        defer { tracks[label].earliest = end }
        return event(label, end: end + rules.padding)
    }

    /// Returns the time at which the sound of a label began.
    private func begin(_ label: Int) -> Double {
        max(0, tracks[label].earliest, tracks[label].start - rules.onsetDelay)
    }

    private func event(_ label: Int, end: Double? = nil) -> Event {
        let track = tracks[label]
        return Event(
            label: rules.labels[label], labelIndex: label, sample: track.sample,
            start: max(0, begin(label) - rules.padding), end: end, peakProbability: track.peak)
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        recent.snapshot(to: &writer)
        for track in tracks {
            let state: Int64 =
                switch track.state {
                case .idle: 0
                case .rising: 1
                case .active: 2
                case .falling: 3
                case .doubtful: 4
                }
            writer.write(state)
            writer.write(track.sample)
            for value in [
                track.start, track.last, Double(track.peak), track.restUntil, track.loudness.largest,
                track.loudness.newest, track.earliest,
            ] { writer.write(value) }
        }
    }

    /// Reads the state of a detector whose stream has reached this position.
    package mutating func restore(
        from reader: inout SnapshotReader, position: Int64, time: Double
    ) throws(SnapshotReader.Truncated) {
        try recent.restore(from: &reader, time: time)
        for label in tracks.indices {
            let states: [State] = [.idle, .rising, .active, .falling, .doubtful]
            tracks[label].state = states[try reader.readInt(in: 0...4)]
            tracks[label].sample = Int64(try reader.readInt(in: 0...Int(position)))
            tracks[label].start = try reader.readDouble(in: 0...time)
            tracks[label].last = try reader.readDouble(in: tracks[label].start...time)
            tracks[label].peak = Float(try reader.readDouble(in: 0...1))
            tracks[label].restUntil = try reader.readDouble(in: -1...time + Self.longestRest)
            tracks[label].loudness.largest = try reader.readDouble(in: Loudness.levels)
            tracks[label].loudness.newest = try reader.readDouble(in: 0...time)
            tracks[label].earliest = try reader.readDouble(in: 0...time)
        }
    }

    /// The longest time of rest after an event, in seconds.
    private static let longestRest = 3600.0
}
