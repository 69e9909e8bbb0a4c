public import AudioClassifier
public import AudioFrontend
internal import FoundationEssentials

/// The configuration of `serve`, checked.
public struct ServeConfiguration: Sendable {
    public struct Listening: Sendable {
        /// Address of the page, the API and WebSocket.
        public var http: ListenAddress?
        /// Address for raw PCM in, JSON lines out.
        public var tcp: ListenAddress?
        public var unix: ListenAddress?
    }

    public struct Access: Sendable {
        /// Token that requests must carry; nil without access control.
        public var token: String?
        /// The file that has the token.
        var tokenFile: String?
        /// Names by which a browser may reach this server, besides the addresses of this machine.
        public var hosts: [String]
    }

    /// Files of the HTTP listener's TLS.
    public struct TLS: Sendable {
        /// PEM file: the server's own certificate, then the chain of its issuers.
        public var certificate: String
        public var key: String
    }

    public struct Limits: Sendable {
        public var streams: Int
        public var streamsPerClient: Int
        public var watchersPerStream: Int
        public var connections: Int
        /// Largest average number of new connections of one address in a second.
        public var connectionRate: Int
        public var headerBytes: Int
        public var bodyBytes: Int
        public var messageBytes: Int
        /// Most files that are classified at the same time.
        public var files: Int
        /// Longest duration of a file that is classified.
        public var fileSeconds: Double
        /// Time after which a client that sends no byte is closed.
        public var idleSeconds: Double
    }

    /// The defaults of streams. A request may override them.
    public struct Streams: Sendable {
        public var format: SampleFormat
        /// Nil is the model's.
        public var rate: Int?
        public var channels: Int
        package var emission: ReportMode
        public var every: Int
        public var topCount: Int
        /// Longest audio that waits for inference.
        public var queueSeconds: Double
        /// Most records that wait for a slow reader.
        public var outputs: Int
        public var decision: DecisionRules.Settings
    }

    public struct Capacity: Sendable {
        /// Threads that classify and serve connections; 0 is one a core.
        public var threads: Int
        /// Share of the threads' time that streams may take.
        public var load: Double
        /// Seconds after which a prediction is late. While more than a few are late, new streams are refused.
        public var latency: Double
    }

    /// The states from which streams resume after an interruption.
    public struct State: Sendable {
        /// Folder of states that outlive the service; nil to keep states in memory.
        public var folder: String?
        public var everySeconds: Double
        public var keepHours: Double
        /// Most states of ended streams that are kept in memory.
        public var kept: Int
        /// Most states that are kept in the folder.
        public var files: Int
        /// Most bytes of all kept states.
        public var bytes: Int
        /// Most states of clients that are checked at the same time.
        public var transfers: Int
    }

    public var model: String
    /// Other models that a client may ask for.
    public var models: [String]
    public var listening: Listening
    public var access: Access
    /// TLS of the HTTP listener; nil for plain HTTP.
    public var tls: TLS?
    public var limits: Limits
    public var streams: Streams
    public var capacity: Capacity
    public var state: State
    public var events: Events
    /// Audio that the service fetches itself.
    public var sources: [Source]

    /// The effective configuration as YAML, each value with its origin.
    public private(set) var text: String
    /// The YAML file; nil for none.
    private(set) var file: String?
    /// The printed value of each setting, by path.
    private(set) var values: [String: String] = [:]
    /// The origin of each value that is set: the file and line, the variable or the flag.
    private(set) var origins: [String: String] = [:]

    /// - Parameters:
    ///   - file: a YAML file, or nil for defaults.
    ///   - flags: values with precedence, by path: `listen.http`.
    ///   - options: the options of those flags that are not given by `--set`, by path.
    ///   - environment: nil is this process's.
    ///   - isWhole: false for the values alone, without the token's file and the relations between settings.
    /// - Throws: ``ClassifierError`` `configuration` with the origin: the file and line, the variable or the flag.
    public init(
        file: String?, flags: [String: String] = [:], options: [String: String] = [:],
        environment: [String: String]? = nil, isWhole: Bool = true
    ) throws(ClassifierError) {
        var yaml: String?
        if let file {
            do { yaml = try FileContents.text(of: file, .settings) } catch {
                throw ConfigurationReader.wrong(file, "the configuration cannot be read: \(error)")
            }
        }
        let reader = ConfigurationReader(
            file: file ?? "", flags: flags, options: options,
            environment: environment ?? ProcessInfo.processInfo.environment)
        self = try reader.read(yaml) { section throws(ClassifierError) in
            try ServeConfiguration(&section, isWhole: isWhole)
        }
        self.file = file
        text = Self.describe(reader.entries)
        values = Self.values(reader.entries)
        origins = Self.origins(reader.entries)
        if isWhole { try check() }
    }

    private init(_ root: inout ConfigurationSection, isWhole: Bool) throws(ClassifierError) {
        text = ""
        model = try root.value(ServerSettings.model)
        models = try root.list(ServerSettings.models)
        listening = try root.section("listen") { section throws(ClassifierError) in
            Listening(
                http: try section.value(ServerSettings.Listen.http),
                tcp: try section.value(ServerSettings.Listen.tcp), unix: try section.value(ServerSettings.Listen.unix))
        }
        access = try root.section("access") { section throws(ClassifierError) in
            let token = try section.optional(ServerSettings.Access.token)
            let file = try section.optional(ServerSettings.Access.tokenFile)
            let hosts = try section.list(ServerSettings.Access.hosts)
            guard token == nil, isWhole, let file else { return Access(token: token, hosts: hosts) }
            return Access(token: try Self.readToken(file), tokenFile: file, hosts: hosts)
        }
        tls = try root.section("tls") { section throws(ClassifierError) -> TLS? in
            let certificate = try section.optional(ServerSettings.TLS.certificate)
            let key = try section.optional(ServerSettings.TLS.key)
            if let certificate, let key { return TLS(certificate: certificate, key: key) }
            guard certificate == nil, key == nil else {
                throw ConfigurationReader.wrong(
                    section.position(of: "certificate", "key"),
                    "tls.certificate and tls.key belong together; set both, or none for plain HTTP")
            }
            return nil
        }
        limits = try root.section("limits") { section throws(ClassifierError) in try Limits(&section) }
        streams = try root.section("streams") { section throws(ClassifierError) in try Streams(&section) }
        capacity = try root.section("capacity") { section throws(ClassifierError) in
            Capacity(
                threads: try section.value(ServerSettings.Capacity.threads),
                load: try section.value(ServerSettings.Capacity.load),
                latency: try section.value(ServerSettings.Capacity.latency) / 1000)
        }
        state = try root.section("state") { section throws(ClassifierError) in
            State(
                folder: try section.optional(ServerSettings.State.folder),
                everySeconds: try section.value(ServerSettings.State.everySeconds),
                keepHours: try section.value(ServerSettings.State.keepHours),
                kept: try section.value(ServerSettings.State.kept),
                files: try section.value(ServerSettings.State.files),
                bytes: try section.value(ServerSettings.State.bytes),
                transfers: try section.value(ServerSettings.State.transfers))
        }
        events = try root.section("events") { section throws(ClassifierError) in try Events(&section) }
        sources = try Source.read(&root, streams)
    }

    /// Checks the relations between settings.
    private func check() throws(ClassifierError) {
        try listening.check(hasToken: access.token != nil, origins: origins)
        if listening.http == nil && listening.tcp == nil && listening.unix == nil && sources.isEmpty {
            throw ConfigurationReader.wrong(
                origins["listen.http"] ?? "listen",
                "http, tcp and unix are all off, and there are no sources; there would be no audio")
        }
    }

    private static func readToken(_ path: String) throws(ClassifierError) -> String {
        let text: String
        do { text = try FileContents.text(of: path, .settings) } catch {
            throw ConfigurationReader.wrong(path, "the token cannot be read: \(error)")
        }
        var line = text.split(whereSeparator: \.isNewline).first ?? ""
        // HTTP removes white space at the end of a header.
        while line.last?.isWhitespace == true { line.removeLast() }
        guard let token = ServerSettings.Access.token.kind.parse(String(line)) else {
            throw ConfigurationReader.wrong(path, "expected \(ServerSettings.Access.token.expected)")
        }
        return token
    }

    private static func describe(_ entries: [ConfigurationReader.Entry]) -> String {
        var lines: [String] = []
        for entry in entries {
            let indent = String(repeating: "  ", count: entry.depth)
            guard let value = entry.value else {
                lines.append(entry.key == "-" ? "\(indent)-" : "\(indent)\(entry.key):")
                continue
            }
            lines.append("\(indent)\(entry.key): \(value)  # \(entry.origin)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension ServeConfiguration.Limits {
    init(_ section: inout ConfigurationSection) throws(ClassifierError) {
        let settings = ServerSettings.Limits.self
        streams = try section.value(settings.streams)
        streamsPerClient = try section.value(settings.streamsPerClient)
        watchersPerStream = try section.value(settings.watchersPerStream)
        connections = try section.value(settings.connections)
        connectionRate = try section.value(settings.connectionRate)
        headerBytes = try section.value(settings.headerBytes)
        bodyBytes = try section.value(settings.bodyBytes)
        messageBytes = try section.value(settings.messageBytes)
        files = try section.value(settings.files)
        fileSeconds = try section.value(settings.fileSeconds)
        idleSeconds = try section.value(settings.idleSeconds)
    }
}

extension ServeConfiguration.Streams {
    init(_ section: inout ConfigurationSection) throws(ClassifierError) {
        format = try section.value(InputSettings.sampleFormat)
        rate = try section.optional(InputSettings.rate)
        channels = try section.value(InputSettings.channels)
        emission = try section.value(ServerSettings.Streams.emit)
        every = try section.value(ReportSettings.every)
        topCount = try section.value(ReportSettings.topCount)
        queueSeconds = try section.value(ServerSettings.Streams.queueSeconds)
        outputs = try section.value(ServerSettings.Streams.outputs)
        decision = try section.section("decision") { section throws(ClassifierError) in try .read(&section) }
    }
}

extension DecisionRules.Settings {
    static func read(_ section: inout ConfigurationSection) throws(ClassifierError) -> Self {
        var settings = Self()
        settings.threshold = try section.optional(DecisionSettings.threshold)
        settings.thresholdOff = try section.optional(DecisionSettings.thresholdOff)
        settings.classThresholds = try section.thresholds(DecisionSettings.classThreshold)
        settings.allow = try section.list(DecisionSettings.allow)
        settings.deny = try section.list(DecisionSettings.deny)
        settings.labels = try section.value(DecisionSettings.labels)
        settings.minimumDuration = try section.optional(DecisionSettings.minimumDuration)
        settings.maximumGap = try section.optional(DecisionSettings.maximumGap)
        settings.refractoryTime = try section.optional(DecisionSettings.refractoryTime)
        settings.padding = try section.value(DecisionSettings.padding)
        settings.minimumLevel = try section.value(DecisionSettings.minimumLevel)
        settings.minimumRise = try section.optional(DecisionSettings.minimumRise)
        return settings
    }
}
