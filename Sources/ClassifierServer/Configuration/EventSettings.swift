internal import AudioClassifier
internal import StrictCoding

/// The settings of the outputs of events.
enum EventSettings {
    private static let file = ValueKind.text("file", expected: "a file's path")

    static let store = Setting(
        "store", .integer(1...10_000_000), default: 10_000, "Events that may wait for each of the outputs.")
    static let standardOutput = Setting(
        "stdout", .flag, default: false, "Whether events are written to standard output as JSON lines.")

    enum File {
        static let path = Setting("path", file, "File for events as JSON lines.")
        static let maximumBytes = Setting(
            "max_bytes", .integer(1024...1 << 40, "bytes", unit: "bytes"), default: 10 << 20,
            "Size at which the file is moved to PATH.1, PATH.1 to PATH.2 and so on.")
        static let keep = Setting("keep", .integer(0...1000), default: 5, "Moved files that are kept.")
    }

    enum WebHook {
        static let address = Setting(
            "url", .text("url", expected: "http[s]://HOST[:PORT]/PATH"), "Address that each event is posted to.")
        static let tries = Setting(
            "tries", .integer(1...1000), default: 8, "Tries for each event, half a second, one, two ... seconds apart.")
        static let authorities = Setting(
            "ca_file", file, "PEM file of the authorities to trust with https, in place of the system's.")
    }

    enum MQTT {
        static let host = Setting("host", .host, "Host of the MQTT broker.")
        static let port = Setting(
            "port", .integer(1...65535), default: 1883, described: "1883, with tls 8883", "Port of the broker.")
        static let tls = Setting("tls", .flag, default: false, "Whether the connection to the broker uses TLS.")
        static let authorities = Setting(
            "ca_file", file, "PEM file of the authorities to trust with tls, in place of the system's.")
        static let user = Setting("user", .text("name"), "User at the broker.")
        static let passwordFile = Setting("password_file", file, "File whose first line is the user's password.")
        static let client = Setting(
            "client", .client, described: "a name that is unique to this machine and its addresses",
            "The service's name at the broker; no other client may have it.")
        static let prefix = Setting(
            "prefix", .streamName, default: "audio-classifierd",
            "First level of the topics: PREFIX/STREAM/LABEL is ON or OFF, PREFIX/STREAM/LABEL/state the event.")
        static let discovery = Setting(
            "discovery", .discovery, default: "homeassistant",
            "Home Assistant's prefix of discovery messages; off for none.")
        static let store = Setting(
            "store", .integer(1...10_000_000), default: 10_000, "Messages that may wait while the broker is away.")
    }

    static let sections: [ServerSettings.Section] = [
        .init(path: "events.", settings: [store, standardOutput]),
        .init(path: "events.file.", settings: [File.path, File.maximumBytes, File.keep]),
        .init(path: "events.webhook.", settings: [WebHook.address, WebHook.tries, WebHook.authorities]),
        .init(
            path: "events.mqtt.",
            settings: [
                MQTT.host, MQTT.port, MQTT.tls, MQTT.authorities, MQTT.user, MQTT.passwordFile, MQTT.client,
                MQTT.prefix, MQTT.discovery, MQTT.store,
            ]),
    ]
}

extension ValueKind<String> {
    static let host = ValueKind(
        placeholder: "host", expected: "a host's name or address, without a scheme and a port",
        show: { JSONWriter.quoted($0) }
    ) { text in
        let isName = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !text.contains("/")
        return isName && (!text.contains(":") || IPAddress(text) != nil) ? text : nil
    }

    static let client = ValueKind(
        placeholder: "name", expected: "1 to 128 characters", show: { JSONWriter.quoted($0) }
    ) { (1...128).contains($0.count) && $0.unicodeScalars.allSatisfy(TopicName.isCharacter) ? $0 : nil }

    static let discovery = ValueKind(
        placeholder: "topic", expected: "a topic without wildcards and empty levels, or off",
        show: { JSONWriter.quoted($0) }
    ) { $0.isEmpty || $0 == "off" || TopicName.isPrefix($0) ? $0 : nil }
}
