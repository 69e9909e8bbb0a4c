package import AudioClassifier
internal import StrictCoding

/// The settings of `serve` by the sections of its configuration, each with its range, its default and its help.
package enum ServerSettings {
    /// A section of the configuration.
    package struct Section: Sendable {
        /// The section's name and a dot; empty at the top.
        package let path: String
        package let settings: [any SettingDescription]
    }

    static let model = ModelSettings.model
    static let models = Setting(
        "models", .text("model", expected: "a model's name or folder"), isRepeated: true,
        "Other models that a client may ask for.")

    enum Listen {
        static let http = Setting(
            "http", .address, default: .network(host: "127.0.0.1", port: 8080),
            "Address of the page, the API and WebSocket; one that other machines reach needs a token.")
        static let tcp = Setting("tcp", .address, default: .some(nil), "Address for raw PCM in, JSON lines out.")
        static let unix = Setting(
            "unix", .address, default: .some(nil), "The same on a socket in the file system: unix:PATH.")
    }

    enum Access {
        static let token = Setting(
            "token", .token, isSecret: true, "Token that requests must carry; a file keeps it better.")
        static let tokenFile = Setting(
            "token_file", .text("file", expected: "a file's path"), "File whose first line is the token.")
        static let hosts = Setting(
            "hosts", .hostName, isRepeated: true,
            "Names by which browsers reach this server, besides this machine's addresses.")
    }

    enum TLS {
        static let certificate = Setting(
            "certificate", .text("file", expected: "a file's path"),
            "PEM file with the server's certificate and its chain; without it, HTTP is not encrypted.")
        static let key = Setting(
            "key", .text("file", expected: "a file's path"), "PEM file with the certificate's private key.")
    }

    enum Limits {
        static let streams = Setting("streams", .integer(1...100_000), default: 1000, "Streams at the same time.")
        static let streamsPerClient = Setting(
            "streams_per_client", .integer(1...100_000), default: 1000, "Streams of one address at the same time.")
        static let watchersPerStream = Setting(
            "watchers_per_stream", .integer(1...10_000), default: 16, "Watchers of one stream at the same time.")
        static let connections = Setting(
            "connections", .integer(1...1_000_000), default: 2000, "Connections at the same time.")
        static let connectionRate = Setting(
            "connections_per_second", .integer(1...1_000_000), default: 200,
            "New connections of one address in a second, on average.")
        static let headerBytes = Setting(
            "header_bytes", .integer(1024...1 << 20, "bytes", unit: "bytes"), default: 16384,
            "Largest header of a request.")
        static let bodyBytes = Setting(
            "body_bytes", .integer(1024...1 << 34, "bytes", unit: "bytes"), default: 64 << 20,
            "Largest file to classify.")
        static let messageBytes = Setting(
            "message_bytes", .integer(1024...1 << 24, "bytes", unit: "bytes"), default: 1 << 20,
            "Largest message of a WebSocket.")
        static let files = Setting("files", .integer(1...256), default: 2, "Files classified at the same time.")
        static let fileSeconds = Setting(
            "file_seconds", .number(1...10_000_000, "s", unit: "s"), default: 21600,
            "Longest duration of a file to classify.")
        static let idleSeconds = Setting(
            "idle_seconds", .number(0.1...86400, "s", unit: "s"), default: 30,
            "A client that sends nothing for this time is closed.")
    }

    enum Streams {
        static let emit = Setting(
            "emit", .live, default: .frames,
            "Report every prediction, changes of the first label, or events.")
        static let queueSeconds = Setting(
            "queue_seconds", .number(0.1...3600, "s", unit: "s"), default: 2,
            "Audio that may wait; beyond it a sender waits, and a live source loses samples.")
        static let outputs = Setting(
            "outputs", .integer(16...1_000_000), default: 1024,
            "Records that may wait for a slow reader; beyond it the reader is dropped.")
    }

    enum Capacity {
        static let threads = Setting(
            "threads", .integer(0...256), default: 0, "Threads that classify and serve; 0 is one a core.")
        static let load = Setting(
            "load", .number(0.01...1), default: 0.8,
            "Share of the threads' time that streams may take; a stream beyond it is refused.")
        static let latency = Setting(
            "latency_ms", .number(1...60_000, "ms", unit: "ms"), default: 100,
            "While more than one prediction in a hundred is later than this, no further stream is admitted.")
    }

    enum State {
        static let folder = Setting(
            "folder", .text("folder", expected: "a folder's path"),
            "Folder in which the states of streams outlive the service.")
        static let everySeconds = Setting(
            "every_seconds", .number(0.1...86400, "s", unit: "s"), default: 5, "Time from one save to the next.")
        static let keepHours = Setting(
            "keep_hours", .number(0.01...87600, "h", unit: "h"), default: 24,
            "Time for which the state of an absent client is kept.")
        static let kept = Setting(
            "kept", .integer(0...100_000), default: 100, "Without a folder: states of ended streams kept in memory.")
        static let files = Setting(
            "files", .integer(1...10_000_000), default: 10_000,
            "With a folder: states kept in it; beyond it the oldest states of absent clients are removed.")
        static let bytes = Setting(
            "bytes", .integer(1 << 16...1 << 44, "bytes", unit: "bytes"), default: 1 << 30,
            "Bytes of all kept states; beyond it the oldest states of absent clients are removed.")
        static let transfers = Setting(
            "transfers", .integer(1...10_000), default: 16, "States of clients that are checked at the same time.")
    }

    /// Keys of one source in the list `sources`.
    package static let sourceSettings = SourceSettings.all

    package static let sections: [Section] =
        [
            Section(path: "", settings: [model, models]),
            Section(path: "listen.", settings: [Listen.http, Listen.tcp, Listen.unix]),
            Section(path: "access.", settings: [Access.token, Access.tokenFile, Access.hosts]),
            Section(path: "tls.", settings: [TLS.certificate, TLS.key]),
            Section(
                path: "limits.",
                settings: [
                    Limits.streams, Limits.streamsPerClient, Limits.watchersPerStream, Limits.connections,
                    Limits.connectionRate, Limits.headerBytes, Limits.bodyBytes, Limits.messageBytes, Limits.files,
                    Limits.fileSeconds, Limits.idleSeconds,
                ]),
            Section(
                path: "streams.",
                settings: [
                    InputSettings.sampleFormat, InputSettings.rate, InputSettings.channels, Streams.emit,
                    ReportSettings.every, ReportSettings.topCount, Streams.queueSeconds, Streams.outputs,
                ]),
            Section(path: "streams.decision.", settings: DecisionSettings.all),
            Section(path: "capacity.", settings: [Capacity.threads, Capacity.load, Capacity.latency]),
            Section(
                path: "state.",
                settings: [
                    State.folder, State.everySeconds, State.keepHours, State.kept, State.files, State.bytes,
                    State.transfers,
                ]),
        ] + EventSettings.sections + [Section(path: "", settings: [SourceSettings.list])]
}

extension ValueKind<String> {
    static let token = ValueKind(
        placeholder: "token",
        expected: "16 characters at least; make a token with: head -c 24 /dev/urandom | base64",
        show: { JSONWriter.quoted($0) }
    ) { $0.count >= 16 ? $0 : nil }

    static let hostName = ValueKind(
        placeholder: "name", expected: "a host's name without a port", show: { JSONWriter.quoted($0) }
    ) { text in
        let host = Authority(text) ?? Authority("[\(text)]")
        return host?.port == nil ? host?.name : nil
    }
}

extension ValueKind<ReportMode> {
    /// The records of a live stream, which has no summary.
    static let live = {
        let modes = ReportMode.allCases.filter { $0 != .summary }
        let words = modes.map(\.rawValue)
        return ValueKind(
            placeholder: "records", expected: "one of \(words.joined(separator: ", "))", words: words,
            show: { JSONWriter.quoted($0.rawValue) }
        ) { text in modes.first { $0.rawValue == text } }
    }()
}

extension ValueKind<ListenAddress?> {
    /// An address to listen on, or nil for "off".
    static let address = ValueKind(
        placeholder: "host:port",
        expected: "HOST:PORT with an address in numbers or localhost, unix:PATH or off",
        show: { JSONWriter.quoted($0?.description ?? "off") }
    ) { $0 == "off" ? .some(.none) : ListenAddress($0).map { .some($0) } ?? .none }
}
