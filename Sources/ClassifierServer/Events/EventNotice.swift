internal import AudioClassifier
internal import StrictCoding

/// A beginning or an end of an event, on its way out of the service.
struct EventNotice: Sendable, Equatable {
    let stream: String
    let label: String
    let isStart: Bool
    /// The record, with the time of day added: at this edge, where it belongs to no result.
    let json: String

    /// - Parameter time: seconds since 1970.
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
