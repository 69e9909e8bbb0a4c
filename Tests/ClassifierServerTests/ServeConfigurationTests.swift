internal import AudioClassifier
internal import AudioFrontend
internal import ClassifierServer
internal import TestSupport
internal import Testing

/// Flags win over the environment, the environment over the file, the file over defaults; unknown settings are errors.
@Suite struct ServeConfigurationTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func read(_ yaml: String, flags: [String: String] = [:], environment: [String: String] = [:]) throws
        -> ServeConfiguration
    {
        try folder.write(Array(yaml.utf8), to: "serve.yaml")
        return try ServeConfiguration(file: "\(folder.path)/serve.yaml", flags: flags, environment: environment)
    }

    private func message(_ yaml: String, flags: [String: String] = [:], environment: [String: String] = [:]) throws
        -> String
    {
        let error = try #require(throws: ClassifierError.self) {
            try read(yaml, flags: flags, environment: environment)
        }
        #expect(error.kind == .configuration)
        return error.message
    }

    @Test func order() throws {
        let yaml = "limits:\n  streams: 10\n  connections: 20\n  files: 3\n"
        let environment = ["AUDIO_CLASSIFIERD_LIMITS_STREAMS": "11", "AUDIO_CLASSIFIERD_LIMITS_CONNECTIONS": "21"]
        let configuration = try read(yaml, flags: ["limits.streams": "12"], environment: environment)
        #expect(configuration.limits.streams == 12 && configuration.limits.connections == 21)
        #expect(configuration.limits.files == 3 && configuration.limits.idleSeconds == 30)
        for line in [
            "streams: 12  # --set limits.streams", "connections: 21  # AUDIO_CLASSIFIERD_LIMITS_CONNECTIONS",
            "files: 3  # \(folder.path)/serve.yaml:4", "idle_seconds: 30.0  # default",
        ] { #expect(configuration.text.contains("  \(line)\n"), "\(line)") }
    }

    @Test func printedConfigurationIsTheSameAgain() throws {
        let first = try read(
            """
            model: keywords-en
            listen: {http: "127.0.0.1:0", tcp: "[::1]:9000", unix: "unix:/run/a b.sock"}
            streams:
              emit: events
              rate:
              decision:
                class_thresholds: {"yes": 0.25, "a: b": 0.5}
                deny: [no, "o\\"ff"]
                threshold: 0.5
            """)
        #expect(first.streams.decision.deny == ["no", "o\"ff"] && first.streams.rate == nil)
        func withoutOrigins(_ text: String) -> [Substring] {
            text.split(separator: "\n").map { $0[..<($0.firstRange(of: "  #")?.lowerBound ?? $0.endIndex)] }
        }
        let second = try read(first.text)
        #expect(withoutOrigins(second.text) == withoutOrigins(first.text))
    }

    @Test func wrongSettingsAreNamedWithTheirLine() throws {
        let path = "\(folder.path)/serve.yaml"
        let unknown = try message("model: a\nlimits:\n  streams: 3\n  streems: 4\n")
        #expect(
            unknown.hasPrefix("\(path):4: ") && unknown.contains("\"limits.streems\"") && unknown.contains("streams"))
        #expect(try message("limits:\n\n  streams: many\n").hasPrefix("\(path):3: limits.streams is \"many\""))
        #expect(try message("limits: 3\n").hasPrefix("\(path):1: "))
        #expect(try message("limits:\n  streams: [1]\n").hasPrefix("\(path):2: "))
        #expect(try message("a: [\n").contains("not YAML"))
        #expect(try message("model: a\nmodel: b\n").contains("twice"))
        for mode in ["loud", "summary"] {
            #expect(try message("streams:\n  emit: \(mode)\n").contains("one of frames, changes, events"))
        }
        #expect(try message("listen:\n  http: example.org:80\n").contains("listen.http"))
        #expect(try message("", flags: ["limits.streems": "1"]).hasPrefix("--set limits.streems"))
        #expect(
            try message("", environment: ["AUDIO_CLASSIFIERD_LIMITS_STREAMS": "x"]).hasPrefix(
                "AUDIO_CLASSIFIERD_LIMITS_STREAMS"))
        let missing = try #require(throws: ClassifierError.self) { try ServeConfiguration(file: "/none/serve.yaml") }
        #expect(missing.message.hasPrefix("/none/serve.yaml: "))
    }

    /// Lists, thresholds and sources are texts in a flag or a variable.
    @Test func everySettingComesFromElsewhereToo() throws {
        let yaml = "streams: {decision: {allow: [a], class_thresholds: {a: 0.5}}}\nsources: [{name: s, command: [x]}]\n"
        let environment = [
            "AUDIO_CLASSIFIERD_STREAMS_DECISION_ALLOW": #"["Child speech, kid speaking", "b"]"#,
            "AUDIO_CLASSIFIERD_STREAMS_DECISION_CLASS_THRESHOLDS": "yes=0.8,a=b=0.25",
            "AUDIO_CLASSIFIERD_SERVE_MODELS": "c,d", "AUDIO_CLASSIFIERD_MODELS": "/folder",
        ]
        let configuration = try read(
            yaml, flags: ["sources": "[{name: mic, command: [arecord, -q], channels: 2}]"], environment: environment)
        #expect(configuration.streams.decision.allow == ["Child speech, kid speaking", "b"])
        #expect(configuration.streams.decision.classThresholds == ["yes": 0.8, "a=b": 0.25])
        #expect(configuration.models == ["c", "d"])
        #expect(configuration.sources.map(\.name) == ["mic"] && configuration.sources[0].channels == 2)
        #expect(try read(yaml).streams.decision.classThresholds == ["a": 0.5])
        #expect(try message("", flags: ["sources": "[{name: mic, comand: [a]}]"]).hasPrefix("--set sources: "))
        #expect(try message("", flags: ["streams.decision.class_thresholds": "yes=2"]).contains("at most 1"))
        #expect(try message("streams: {decision: {class_thresholds: {a: 2}}}").contains("at most 1"))
        #expect(try message("", flags: ["models": "[a"]).contains("expected a list"))
    }

    /// Addresses that other machines can reach need a token, which raw PCM cannot carry.
    @Test func addressesOfOtherMachinesNeedAToken() throws {
        #expect(try message("listen: {http: \"0.0.0.0:8080\"}").contains("access.token_file"))
        #expect(try message("listen: {tcp: \"0.0.0.0:8081\"}").contains("token"))
        try folder.write(Array("0123456789abcdef0123\n".utf8), to: "token")
        let yaml = "listen: {http: \"0.0.0.0:8080\"}\naccess: {token_file: \"\(folder.path)/token\"}\n"
        let configuration = try read(yaml)
        #expect(configuration.access.token == "0123456789abcdef0123")
        try folder.write(Array("short\n".utf8), to: "token")
        #expect(try message(yaml).contains("16 characters"))
        try folder.write(Array(" \t \n".utf8), to: "token")
        #expect(try message(yaml).contains("16 characters"))
        try folder.write(Array("0123456789abcdef0123 \r\nsecond".utf8), to: "token")
        #expect(try read(yaml).access.token == "0123456789abcdef0123")
        for short in ["x", " ", "0123456789abcde", "\u{1F511}\u{1F511}\u{1F511}\u{1F511}"] {
            let text = try message("listen: {http: \"0.0.0.0:8080\"}", flags: ["access.token": short])
            #expect(text.hasPrefix("--set access.token: ") && text.contains("16 characters"), "\(text)")
            #expect(short.count < 4 || !text.contains(short), "a token is not printed")
        }
        let secret = try read("access: {token: \"0123456789abcdef\"}")
        #expect(!secret.text.contains("0123456789abcdef"), "a token is not printed")
        #expect(try message("listen: {http: off}").contains("all off"))
    }

    @Test func addresses() {
        #expect(ListenAddress("127.0.0.1:80") == .network(host: "127.0.0.1", port: 80))
        #expect(ListenAddress("[::1]:80")?.description == "[::1]:80")
        #expect(ListenAddress("unix:/a")?.isLocal == true && ListenAddress("0.0.0.0:1")?.isLocal == false)
        for wrong in ["", "80", ":80", "127.0.0.1", "127.0.0.1:99999", "unix:a", "host:80", "[::1:80"] {
            #expect(ListenAddress(wrong) == nil, "\(wrong)")
        }
    }

    /// Two listeners share no port of an address and no path; ports that the system chooses differ.
    @Test(arguments: [
        ("http: \"127.0.0.1:9000\"", "tcp: \"127.0.0.1:9000\"", true),
        ("http: \"0.0.0.0:9000\"", "tcp: \"127.0.0.1:9000\"", true),
        ("http: \"[::]:9000\"", "tcp: \"127.0.0.1:9000\"", true), ("http: \"[::]:9000\"", "tcp: \"[::1]:9000\"", true),
        ("http: localhost:9000", "tcp: \"127.0.0.1:9000\"", true),
        ("http: localhost:9000", "tcp: \"[::1]:9000\"", true),
        ("http: unix:/run/a", "tcp: unix:/run/a", true), ("http: unix:/run/a", "unix: unix:/run/a", true),
        ("tcp: unix:/run/a", "unix: unix:/run/a", true),
        ("http: \"[0:0::1]:9000\"", "tcp: \"[::1]:9000\"", true),
        ("http: \"127.0.0.1:0\"", "tcp: \"127.0.0.1:0\"", false),
        ("http: \"127.0.0.1:9000\"", "tcp: \"127.0.0.1:9001\"", false),
        ("http: \"127.0.0.1:9000\"", "tcp: \"127.0.0.2:9000\"", false),
        ("http: \"127.0.0.1:9000\"", "tcp: \"[::1]:9000\"", false),
        ("http: unix:/run/a", "unix: unix:/run/b", false),
    ])
    func listenersDiffer(first: String, second: String, isConflict: Bool) throws {
        let yaml = "access: {token: 0123456789abcdef}\nlisten:\n  \(first)\n  \(second)\n"
        guard isConflict else {
            _ = try read(yaml)
            return
        }
        let text = try message(yaml)
        let key = second.prefix { $0 != ":" }
        #expect(text.hasPrefix("\(folder.path)/serve.yaml:4: listen.\(key) is ") && text.contains("already"), "\(text)")
    }

    /// A default that another setting takes is not the user's fault.
    @Test func listenersOnTheDefaultAreNamed() throws {
        let tcp = try message("listen:\n  tcp: \"127.0.0.1:8080\"\n")
        #expect(tcp.hasPrefix("\(folder.path)/serve.yaml:2: listen.tcp is 127.0.0.1:8080"), "\(tcp)")
        let flag = try message("", flags: ["listen.tcp": "127.0.0.1:8080"])
        #expect(flag.hasPrefix("--set listen.tcp: listen.tcp is 127.0.0.1:8080"), "\(flag)")
    }

    @Test func sectionsOfSourcesAreKnown() throws {
        let text = try message("sources:\n  - {name: a, command: [b], colour: blue}\n")
        #expect(text.contains("known keys are channel, channels, command, decision, follow, from, "), "\(text)")
        #expect(try message("sources:\n  - {name: a, command: [b], decisoin: {}}\n").contains("did you mean"))
    }

    @Test func addressWithAPasswordIsNotRepeated() throws {
        let hook = try message("events:\n  webhook: {url: \"http://user:pass1@host/\"}\n")
        #expect(hook.contains("without a user and a password") && !hook.contains("pass1"), "\(hook)")
    }

    @Test func sources() throws {
        let configuration = try read(
            """
            streams: {channels: 2, decision: {threshold: 0.5}}
            sources:
              - {name: mic, command: [arecord, -r, 48000], rate: 48000, channel: 2}
              - name: log
                follow: /var/spool/log.wav
                from: start
                decision: {deny: [no]}
            """)
        let (command, file) = (configuration.sources[0], configuration.sources[1])
        #expect(command.origin == .command(["arecord", "-r", "48000"]) && command.selection == .channel(2))
        #expect(command.rate == 48000 && command.channels == 2 && command.decision.threshold == 0.5)
        #expect(file.origin == .file("/var/spool/log.wav", fromStart: true))
        #expect(file.decision.threshold == nil && file.decision.deny == ["no"])
        #expect(try read(configuration.text).sources == configuration.sources)
        #expect(try message("sources:\n  - {name: a/b, command: [a]}\n").contains("\"a/b\""))
        #expect(try message("sources:\n  - {name: a}\n").contains("needs a command or a file"))
        #expect(try message("sources:\n  - {name: a, command: [a], follow: b}\n").contains("not both"))
        #expect(try message("sources: [{name: a, command: [a]}, {name: a, follow: b}]\n").contains("two sources"))
        #expect(try message("sources:\n  - {name: a, comand: [a]}\n").contains("\"sources.comand\""))
    }
}
