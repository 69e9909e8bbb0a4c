internal import AudioClassifier
internal import FoundationEssentials
internal import StrictCoding

/// A message for the outputs of the service.
enum EventMessage: Sendable, Equatable {
    case event(StreamEvent)
    /// A stream has ended, after the ends of its events.
    case streamEnded(String)
    /// The labels of the service's models, again after a reload.
    case labels(Set<String>)

    /// - Parameter time: seconds since 1970.
    /// - Returns: nil for a record that concerns no output.
    init?(_ record: Record, time: Double) {
        switch record {
        case .event(_, let phase, let stream, let label, _, _, _):
            var object = record.object
            object.add("time", time, decimals: 3)
            self = .event(StreamEvent(stream: stream, label: label, isStart: phase == .start, json: object.text))
        case .end(let stream, _, _, _): self = .streamEnded(stream)
        default: return nil
        }
    }
}

/// The begin or the end of an event.
package struct StreamEvent: Sendable, Equatable {
    package let stream: String
    package let label: String
    package let isStart: Bool
    /// The record with the time of day, which is added here because no result depends on it.
    package let json: String

    package init(stream: String, label: String, isStart: Bool, json: String) {
        self.stream = stream
        self.label = label
        self.isStart = isStart
        self.json = json
    }

    /// Reads an event from its record.
    package init?(json: String) {
        guard let value = Self.value(json), let stream = value["stream"]?.string, let label = value["label"]?.string,
            let phase = value["phase"]?.string, value["type"]?.string == "event", phase == "start" || phase == "end"
        else { return nil }
        self.init(stream: stream, label: label, isStart: phase == "start", json: json)
    }

    /// The identity of the event: both of its records have it.
    package var id: String? { Self.value(json)?["id"]?.string }

    /// The service and the process that published the event; nil in the record itself.
    package var publisher: (service: String, process: String)? {
        guard let value = Self.value(json), let service = value["service"]?.string,
            let process = value["process"]?.string
        else { return nil }
        return (service, process)
    }

    /// Returns the end of an event that the service could not end, because it was killed: `t1` is unknown.
    /// - Parameter time: seconds since 1970.
    package func interrupted(time: Double) -> StreamEvent {
        let value = Self.value(json)
        var object = JSONWriter(type: "event")
        object.add("id", value?["id"]?.string ?? "")
        object.add("phase", "end")
        object.add("stream", stream)
        object.add("label", label)
        object.add("t0", value?["t0"]?.number ?? 0, decimals: 6)
        object.addNull("t1")
        object.add("p_max", value?["p_max"]?.number ?? 0, decimals: 4)
        object.add("interrupted", true)
        object.add("time", time, decimals: 3)
        return StreamEvent(stream: stream, label: label, isStart: false, json: object.text)
    }

    private static func value(_ json: String) -> JSONValue? {
        try? JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
    }
}
