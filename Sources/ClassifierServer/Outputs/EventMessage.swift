internal import AudioClassifier
internal import StrictCoding

/// The begin or the end of an event, for the outputs of the service.
struct EventMessage: Sendable, Equatable {
    let stream: String
    let label: String
    let isStart: Bool
    /// The record with the time of day, which is added here because no result depends on it.
    let json: String

    /// - Parameter time: seconds since 1970.
    /// - Returns: nil if the record is no event.
    init?(_ record: Record, time: Double) {
        guard case .event(_, let phase, let stream, let label, _, _, _) = record else { return nil }
        self.stream = stream
        self.label = label
        isStart = phase == .start
        var object = record.object
        object.add("time", time, decimals: 3)
        json = object.text
    }
}
