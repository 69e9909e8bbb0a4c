internal import AudioClassifier
internal import StrictCoding

/// Topics and payloads of the messages for an event. Different streams and labels have different topics and
/// identifiers, which stay the same as long as the service has the same models.
package struct MQTTTopics: Sendable {
    package let prefix: String
    /// Home Assistant's prefix of discovery messages; nil disables them.
    package let discovery: String?
    /// The service's name at the broker, by which it knows its own messages after a restart.
    package let service: String
    /// Labels of the service's models.
    private var labels: Set<String> = []
    /// Labels by their form as a level of a topic, and as a part of an identifier.
    private var levels = Forms()
    private var identifiers = Forms()

    package init(prefix: String, discovery: String?, service: String, labels: Set<String> = []) {
        self.prefix = prefix
        self.discovery = discovery
        self.service = service
        add(labels)
    }

    /// Adds labels of models.
    package mutating func add(_ labels: Set<String>) {
        self.labels.formUnion(labels)
        levels = Forms(self.labels, by: Self.level)
        identifiers = Forms(self.labels, by: Self.identifier)
    }

    /// The topic of `online` and `offline`.
    package var availability: String { "\(prefix)/availability" }

    /// The filter of all topics with records of events.
    package var states: String { "\(prefix)/+/+/state" }

    /// The topic of a class of a stream.
    package func state(_ stream: String, _ label: String) -> String {
        "\(prefix)/\(stream)/\(levels.form(of: label, by: Self.level, separator: "~"))"
    }

    /// Returns the messages of an event.
    /// - Parameter topic: the topic of the class if it is another one than today's.
    package func messages(_ event: StreamEvent, on topic: String? = nil) -> [MessageStore.Message] {
        let topic = topic ?? state(event.stream, event.label)
        // The record is an object, so that further members can go before its end.
        let publisher = "\"service\":\(JSONWriter.quoted(service)),\"process\":\"\(ProcessIdentity.own.text)\""
        let json = "\(event.json.dropLast()),\(publisher)}"
        return [
            .init(topic: "\(topic)/state", payload: json), .init(topic: topic, payload: event.isStart ? "ON" : "OFF"),
        ]
    }

    /// Returns the messages that make the broker forget a class of a stream.
    package func removal(stream: String, label: String, on topic: String? = nil) -> [MessageStore.Message] {
        let topic = topic ?? state(stream, label)
        let discovery = discoveryTopic(stream: stream, label: label).map { [$0] } ?? []
        return (discovery + ["\(topic)/state", topic]).map { .init(topic: $0, payload: "") }
    }

    // MARK: Discovery

    /// Returns the message that makes Home Assistant show a class of a stream as a binary sensor.
    package func discoveryMessage(stream: String, label: String) -> MessageStore.Message? {
        guard let discoveryTopic = discoveryTopic(stream: stream, label: label) else { return nil }
        let id = identifier(stream: stream, label: label)
        let topic = state(stream, label)
        var payload = JSONWriter()
        payload.add("name", label)
        payload.add("unique_id", id)
        payload.add("object_id", id)
        payload.add("state_topic", topic)
        payload.add("json_attributes_topic", "\(topic)/state")
        payload.add("availability_topic", availability)
        payload.add("device_class", "sound")
        payload.add("device") { device in
            device.add("identifiers", ["\(Self.identifier(prefix))_\(Self.streamIdentifier(stream))"])
            device.add("name", "\(prefix) \(stream)")
            device.add("sw_version", Version.text)
        }
        return .init(topic: discoveryTopic, payload: payload.text)
    }

    private func discoveryTopic(stream: String, label: String) -> String? {
        discovery.map { "\($0)/binary_sensor/\(identifier(stream: stream, label: label))/config" }
    }

    /// Returns the identifier of a class of a stream in Home Assistant.
    package func identifier(stream: String, label: String) -> String {
        let name = Self.streamIdentifier(stream)
        let form = identifiers.form(of: label, by: Self.identifier, separator: "_")
        let id = "\(Self.identifier(prefix))_\(name)_\(form)"
        // The class "b_c" of the stream "a" and the class "c" of "a_b" would have one identifier: the shorter stream
        // keeps it.
        let isTaken = name.indices.contains { index in
            name[index] == "_" && index > name.startIndex
                && identifiers.all.contains("\(name[name.index(after: index)...])_\(form)")
        }
        return isTaken ? "\(id)_\(Self.hash("\(stream)/\(label)"))" : id
    }

    private static func streamIdentifier(_ stream: String) -> String {
        let form = identifier(stream)
        return form == stream ? form : "\(form)_\(hash(stream))"
    }

    // MARK: Forms of texts

    /// Labels by the form that replaces their characters.
    private struct Forms: Sendable {
        private var labels: [String: Set<String>] = [:]
        private(set) var all: Set<String> = []

        init() {}

        init(_ labels: Set<String>, by transform: (String) -> String) {
            for label in labels { self.labels[transform(label), default: []].insert(label) }
            for label in labels { all.insert(form(of: label, by: transform, separator: "_")) }
        }

        /// Returns a label's form, with a hash of the label where other labels have the same form.
        func form(of label: String, by transform: (String) -> String, separator: String) -> String {
            let form = transform(label)
            return form == label || labels[form] == [label] ? form : "\(form)\(separator)\(MQTTTopics.hash(label))"
        }
    }

    /// Returns a text as one level of a topic.
    static func level(_ text: String) -> String {
        text.isEmpty
            ? "_" : String(String.UnicodeScalarView(text.unicodeScalars.map { TopicName.isAllowed($0) ? $0 : "_" }))
    }

    /// Returns a text as an identifier of Home Assistant: letters, digits, dashes and underscores.
    static func identifier(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar in
                scalar.isASCII
                    && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "-")
                    ? Character(scalar) : "_"
            })
    }

    private static func hash(_ text: String) -> String {
        String((fnv1a(text.utf8) | 1 << 63), radix: 16).suffix(12).description
    }
}
