internal import Glibc
package import StrictCoding

/// The loudest moment of a sound, and the newest one that is near it.
struct Loudness: Sendable {
    /// Levels, in dB, among which are those of all finite samples.
    static let levels = -1000.0...1000.0

    /// The largest level, in dB relative to full scale.
    var largest = Self.levels.lowerBound
    /// The newest time, in seconds, at which the level was near the largest one up to it.
    var newest = 0.0

    /// Takes note of the next level; it is near the largest one if it is at most `fall` below it.
    mutating func hear(_ level: Double, at time: Double, fall: Double) {
        largest = max(largest, level)
        if level >= largest - fall { newest = time }
    }
}

/// The levels of the newest predictions of a stream, as far back as the rules of events need them.
package struct RecentLevels: Sendable {
    private struct Entry: Sendable {
        let time: Double
        let level: Double
    }

    /// How far back the levels are kept, in seconds.
    private let span: Double
    private var entries: [Entry] = []

    package init(span: Double) { self.span = span }

    /// Adds the level of the next prediction, and drops those that are too old.
    mutating func add(_ level: Double, at time: Double) {
        let first = entries.firstIndex { $0.time > time - span } ?? entries.count
        entries.removeFirst(first)
        if span > 0 { entries.append(Entry(time: time, level: level)) }
    }

    /// Returns the loudness of the predictions after a time.
    func loudness(after start: Double, fall: Double) -> Loudness {
        var loudness = Loudness()
        for entry in entries where entry.time > start + EventDetector.rounding {
            loudness.hear(entry.level, at: entry.time, fall: fall)
        }
        return loudness
    }

    /// Returns the time up to which it was quiet after `start`, or `nil` if it was loud at once.
    ///
    /// A level is loud if it is at most `fall` below the largest of all, the newest level `level` included.
    func quiet(after start: Double, before level: Double, fall: Double) -> Double? {
        let window = entries.drop { $0.time <= start + EventDetector.rounding }
        let largest = max(level, window.map(\.level).max() ?? level)
        return window.prefix { $0.level < largest - fall }.last?.time
    }

    /// Returns the rise, in dB, of the largest level after `middle`, the newest level `level` included, over the mean
    /// power of the levels after `start` up to `middle`; infinity if there are none.
    func rise(at middle: Double, from start: Double, to level: Double) -> Double {
        let before = entries.filter { $0.time > start && $0.time <= middle }
        guard !before.isEmpty else { return .infinity }
        let power = before.reduce(0) { $0 + pow(10, $1.level / 10) } / Double(before.count)
        return entries.reduce(level) { $1.time > middle ? max($0, $1.level) : $0 } - 10 * log10(power)
    }

    /// Returns the largest number of levels in a span, one every `period` seconds.
    package static func largestCount(span: Double, period: Double) -> Int { Int(span / period) + 1 }

    /// Returns the bytes that so many levels add to a snapshot.
    package static func size(_ count: Int) -> Int { 2 * MemoryLayout<Double>.size * count }

    func snapshot(to writer: inout SnapshotWriter) {
        writer.write(entries.count)
        for entry in entries {
            writer.write(entry.time)
            writer.write(entry.level)
        }
    }

    /// Reads the levels of a stream that has reached a time, in seconds.
    package mutating func restore(from reader: inout SnapshotReader, time: Double) throws(SnapshotReader.Truncated) {
        entries = []
        var newest = 0.0
        for _ in 0..<(try reader.readInt(in: 0...reader.remaining / Self.size(1))) {
            newest = try reader.readDouble(in: newest...time)
            entries.append(Entry(time: newest, level: try reader.readDouble(in: Loudness.levels)))
        }
    }
}
