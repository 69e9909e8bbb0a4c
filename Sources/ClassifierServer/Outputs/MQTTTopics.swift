internal import AudioClassifier
internal import StrictCoding

/// Topics and payloads of the messages for an event.
package struct MQTTTopics: Sendable {
    package let prefix: String
    /// Home Assistant's prefix of discovery messages; nil disables them.
    package let discovery: String?

    package init(prefix: String, discovery: String?) {
        self.prefix = prefix
        self.discovery = discovery
    }

    /// The topic of `online` and `offline`.
    package var availability: String { "\(prefix)/availability" }

    /// The topic of a class of a stream.
    package func state(_ stream: String, _ label: String) -> String {
        "\(prefix)/\(Self.level(stream))/\(Self.level(label))"
    }

    /// Returns the messages of an event.
    package func messages(stream: String, label: String, isStart: Bool, json: String) -> [MessageStore.Message] {
        let topic = state(stream, label)
        return [
            .init(topic: "\(topic)/state", payload: json, isRetained: true),
            .init(topic: topic, payload: isStart ? "ON" : "OFF", isRetained: true),
        ]
    }

    /// Returns the message that makes Home Assistant show a class of a stream as a binary sensor.
    package func discoveryMessage(stream: String, label: String) -> MessageStore.Message? {
        guard let discovery else { return nil }
        let id = [prefix, stream, label].map { Self.identifier($0) }.joined(separator: "_")
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
            device.add("identifiers", ["\(Self.identifier(prefix))_\(Self.identifier(stream))"])
            device.add("name", "\(prefix) \(stream)")
            device.add("sw_version", Version.text)
        }
        return .init(
            topic: "\(discovery)/binary_sensor/\(id)/config", payload: payload.text, isRetained: true)
    }

    /// Returns a text as one level of a topic, without wildcards and separators.
    static func level(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { "/+#\0".unicodeScalars.contains($0) ? "_" : $0 }))
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
}
