internal import AudioClassifier
internal import FoundationEssentials

extension ServeConfiguration {
    /// The destinations of events besides the clients.
    public struct Events: Sendable {
        public struct File: Sendable {
            public var path: String
            public var maximumBytes: Int
            /// Number of rotated files that are kept.
            public var keep: Int
        }

        public struct WebHook: Sendable {
            public var address: String
            var isSecure: Bool
            var host: String
            var port: Int
            var path: String
            public var tries: Int
            /// PEM file of the authorities to trust, in place of the system's.
            public var authorities: String?
        }

        public struct MQTT: Sendable {
            public var host: String
            public var port: Int
            /// Whether the connection uses TLS.
            public var isSecure: Bool
            /// PEM file of the authorities to trust, in place of the system's.
            public var authorities: String?
            public var user: String?
            public var password: String?
            /// The file that has the password.
            var passwordFile: String?
            /// The service's name at the broker; nil for one that is unique to this service.
            public var client: String?
            public var prefix: String
            /// Home Assistant's prefix of discovery messages; nil for none.
            public var discovery: String?
            /// Most messages that wait during an outage of the broker.
            public var store: Int
        }

        /// Most events that wait for an output.
        public var store: Int
        /// Events as JSON lines on standard output.
        public var standardOutput: Bool
        public var file: File?
        public var webHook: WebHook?
        public var mqtt: MQTT?
    }
}

extension ServeConfiguration.Events {
    init(_ section: inout ConfigurationSection) throws(ClassifierError) {
        store = try section.value(EventSettings.store)
        standardOutput = try section.value(EventSettings.standardOutput)
        file = try section.section("file") { section throws(ClassifierError) -> File? in
            let path = try section.optional(EventSettings.File.path)
            let bytes = try section.value(EventSettings.File.maximumBytes)
            let keep = try section.value(EventSettings.File.keep)
            return path.map { File(path: $0, maximumBytes: bytes, keep: keep) }
        }
        webHook = try section.section("webhook") { section throws(ClassifierError) -> WebHook? in
            let address = try section.optional(EventSettings.WebHook.address)
            let tries = try section.value(EventSettings.WebHook.tries)
            let authorities = try section.optional(EventSettings.WebHook.authorities)
            guard let address else { return nil }
            guard let hook = WebHook(address, tries: tries, authorities: authorities) else {
                // A wrong address may have a password in it.
                throw ConfigurationReader.wrong(
                    section.position(of: "url"),
                    "events.webhook.url cannot be used; expected \(EventSettings.WebHook.address.expected), without a "
                        + "user and a password")
            }
            return hook
        }
        mqtt = try section.section("mqtt") { section throws(ClassifierError) in try MQTT.read(&section) }
    }
}

extension ServeConfiguration.Events.WebHook {
    init?(_ address: String, tries: Int, authorities: String?) {
        let isSecure = address.hasPrefix("https://")
        let scheme = isSecure ? "https://" : "http://"
        guard address.hasPrefix(scheme) else { return nil }
        let rest = address.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty,
            let port = parts.count > 1 ? Int(parts[1]) : isSecure ? 443 : 80, (1...65535).contains(port),
            address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.init(
            address: address, isSecure: isSecure, host: String(host), port: port,
            path: path.isEmpty ? "/" : String(path), tries: tries, authorities: authorities)
    }
}

extension ServeConfiguration.Events.MQTT {
    /// - Returns: nil if no broker is configured.
    static func read(_ section: inout ConfigurationSection) throws(ClassifierError) -> Self? {
        let settings = EventSettings.MQTT.self
        let host = try section.optional(settings.host)
        let isSecure = try section.value(settings.tls)
        let port = try section.value(settings.port, default: isSecure ? 8883 : 1883)
        let authorities = try section.optional(settings.authorities)
        let user = try section.optional(settings.user)
        let passwordFile = try section.optional(settings.passwordFile)
        let client = try section.optional(settings.client)
        let prefix = try section.value(settings.prefix)
        let discovery = try section.value(settings.discovery)
        let store = try section.value(settings.store)
        guard let host else { return nil }
        if let authorities, !FileManager.default.isReadableFile(atPath: authorities) {
            throw ConfigurationReader.wrong(authorities, "the authorities of events.mqtt.ca_file cannot be read")
        }
        var password: String?
        if let passwordFile {
            let text: String
            do { text = try FileContents.text(of: passwordFile, .settings) } catch {
                throw ConfigurationReader.wrong(passwordFile, "the broker's password cannot be read: \(error)")
            }
            password = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        }
        return Self(
            host: host, port: port, isSecure: isSecure, authorities: authorities, user: user, password: password,
            passwordFile: passwordFile, client: client, prefix: prefix,
            discovery: discovery.isEmpty || discovery == "off" ? nil : discovery, store: store)
    }
}
