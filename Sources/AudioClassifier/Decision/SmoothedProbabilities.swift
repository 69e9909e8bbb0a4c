internal import Glibc
internal import StrictCoding

/// Probabilities that follow those of a stream with a time constant, for an order of labels that does not flicker.
struct SmoothedProbabilities: Sendable {
    private(set) var values: [Float]
    /// In seconds.
    private let timeConstant: Double
    /// Time of the newest prediction; before the first one, a time before the stream.
    private var time = Self.never

    private static let never = -1.0

    init(labels: Int, timeConstant: Double) {
        values = [Float](repeating: 0, count: labels)
        self.timeConstant = timeConstant
    }

    /// Follows the next prediction. The first one is taken as it is.
    mutating func update(_ prediction: Prediction) {
        let share = time == Self.never ? 1 : Float(1 - exp((time - prediction.time) / timeConstant))
        for label in values.indices { values[label] += share * (prediction.probabilities[label] - values[label]) }
        time = prediction.time
    }

    func snapshot(to writer: inout SnapshotWriter) {
        for value in [time] + values.map(Double.init) { writer.write(value) }
    }

    /// Reads the state of a stream that has reached this time.
    mutating func restore(from reader: inout SnapshotReader, time end: Double) throws(SnapshotReader.Truncated) {
        time = try reader.readDouble(in: Self.never...end)
        for label in values.indices { values[label] = Float(try reader.readDouble(in: 0...1)) }
    }
}
