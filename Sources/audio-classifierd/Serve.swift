import ArgumentParser
import AudioClassifier
import ClassifierServer
import Logging

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify many live streams, over sockets, HTTP and WebSocket.",
        discussion: """
            Settings come from flags, from the environment (listen.http is AUDIO_CLASSIFIERD_LISTEN_HTTP), from the configuration file
            and from defaults, in this order. configs/serve.yaml shows them all.

            SIGTERM and SIGINT end it: streams are closed properly first. SIGHUP reads the configuration, the models and the
            certificate again: models, streams and sources change at once, for new streams, and the certificate for new
            connections; the log says what waits for a new start.

            Examples:
              audio-classifierd serve
              audio-classifierd serve --config configs/serve.yaml
              audio-classifierd serve --listen 127.0.0.1:9000 --set limits.streams=50
              audio-classifierd serve --config configs/serve.yaml --check
            """)

    @Option(help: ArgumentHelp("A configuration file.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Where to listen for HTTP; short for --set listen.http=...", valueName: "host:port"))
    var listen: String?

    @Option(help: "A model's name or folder; short for --set model=...")
    var model: String?

    @Option(help: ArgumentHelp("Any setting; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Flag(help: "Check the configuration, the models and the certificate, and end.")
    var check = false

    @Flag(help: "Print the effective configuration, each value with where it comes from, and end.")
    var printConfig = false

    @OptionGroup(title: "Messages") var logging: LogArguments

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

    func run() async throws {
        logging.start()
        let log = Logger(label: "audio-classifierd")
        let (file, flags) = (config, try flags)
        let configuration = try ServeConfiguration(file: file, flags: flags)
        for variable in configuration.unusedVariables {
            log.warning("\(variable) is not a setting of serve; is it misspelt?")
        }
        if printConfig {
            try OutputSink().write(configuration.text.split(separator: "\n").map(String.init))
            return
        }
        let service = try Service(configuration, log: log)
        if check {
            try OutputSink().write(["the configuration is good"])
            return
        }
        try await service.run {
            try ServeConfiguration(file: file, flags: flags)
        } started: { addresses in
            log.notice("listening on \(addresses.joined(separator: ", "))")
        }
    }
}
