import ArgumentParser
import AudioClassifier
import ClassifierServer
import Logging

struct Serve: AsyncParsableCommand, SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify many live streams from sockets, HTTP and WebSocket.",
        discussion: """
            A setting comes from a flag, else from the environment (listen.http from AUDIO_CLASSIFIERD_LISTEN_HTTP), \
            else from the configuration file, else it has its default. configs/serve.yaml shows all settings.

            SIGTERM and SIGINT close all streams and end the service. SIGHUP reads the configuration, the models and \
            the \
            certificate again: new streams get the new models, settings and sources, new connections the new \
            certificate. The log names the settings that change with the next start.

            Examples:
              audio-classifierd serve
              audio-classifierd serve --config configs/serve.yaml
              audio-classifierd serve --listen 127.0.0.1:9000 --set limits.streams=50
              audio-classifierd serve --config configs/serve.yaml --check
            """)

    @Option(
        help: ArgumentHelp("The configuration file.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(help: ArgumentHelp("Where to listen for HTTP; short for --set listen.http=...", valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp("A model's name or folder; short for --set model=...", valueName: "model"),
        completion: Completions.models)
    var model: String?

    @Option(
        help: ArgumentHelp("Any setting of the configuration; may be repeated.", valueName: "key=value"),
        completion: Completions.configurationKeys)
    var set: [String] = []

    @Flag(help: "Check the configuration, the models and the certificate, and end.")
    var check = false

    @Flag(help: "Print the effective configuration, each value with its origin, and end.")
    var printConfig = false

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = ProgramSettings.logging

    private var flags: [String: String] {
        get throws {
            var flags: [String: String] = [:]
            for setting in set {
                guard let equals = setting.firstIndex(of: "=") else {
                    throw ClassifierError(
                        .usage, code: "usage", "--set \(setting): expected KEY=VALUE, as listen.http=off")
                }
                flags[String(setting[..<equals])] = String(setting[setting.index(after: equals)...])
            }
            if let listen { flags["listen.http"] = listen }
            if let model { flags["model"] = model }
            return flags
        }
    }

    /// The flags that have options of their own.
    private var options: [String: String] {
        var options: [String: String] = [:]
        if listen != nil { options["listen.http"] = "--listen" }
        if model != nil { options["model"] = "--model" }
        return options
    }

    func run() async throws {
        if !check && !printConfig { EarlySignals.stopAtOnce() }
        logging.start()
        let log = Logger(label: "audio-classifierd")
        let (file, flags) = (try ProgramArguments.text(config, of: "--config"), try flags)
        let options = options
        let configuration = try ServeConfiguration(file: file, flags: flags, options: options)
        if printConfig {
            try OutputSink().write(configuration.text.split(separator: "\n").map(String.init))
            return
        }
        let service = try Service(configuration, log: log)
        if check {
            try service.checkStart()
            try OutputSink().write(["the configuration is good"])
            return
        }
        try await service.run {
            try ServeConfiguration(file: file, flags: flags, options: options)
        } started: { addresses in
            log.notice("listening on \(addresses.joined(separator: ", "))")
        }
    }
}
