public import AudioClassifier
public import AudioFrontend

extension ServeConfiguration {
    /// Audio that the service fetches itself.
    public struct Source: Sendable, Equatable {
        public enum Origin: Sendable, Equatable {
            /// The standard output of a program: its name and its arguments.
            case command([String])
            /// A file that grows. An existing file is read from its beginning, or from its end on.
            case file(String, fromStart: Bool)
        }

        /// The stream's name.
        public var name: String
        public var origin: Origin
        /// The model's name or folder; nil for the service's.
        public var model: String?
        public var format: SampleFormat
        /// Sample rate in Hz; nil for the model's.
        public var rate: Int?
        public var channels: Int
        public var selection: ChannelSelection
        public var decision: DecisionRules.Settings
    }
}

extension ServeConfiguration.Source {
    /// - Parameter defaults: the values of settings that the source leaves out.
    init(_ section: inout ConfigurationSection, _ defaults: ServeConfiguration.Streams) throws(ClassifierError) {
        name = try section.optional(SourceSettings.name) ?? ""
        let command = try section.list(SourceSettings.command)
        let file = try section.optional(SourceSettings.file)
        let start = try section.value(SourceSettings.start)
        model = try section.optional(ModelSettings.model)
        format = try section.value(InputSettings.sampleFormat, default: defaults.format)
        rate = try section.optional(InputSettings.rate) ?? defaults.rate
        channels = try section.value(InputSettings.channels, default: defaults.channels)
        selection = try section.value(InputSettings.channel)
        decision =
            section.contains("decision")
            ? try section.section("decision") { section throws(ClassifierError) in try .read(&section) }
            : defaults.decision
        // A misspelt key is reported before the setting that is missing because of it.
        try section.refuseOthers()
        guard StreamName.isValid(name) else {
            throw ConfigurationReader.wrong(
                section.position(of: "name"),
                "the name of a source is \"\(name)\"; expected \(ValueKind.streamName.expected)")
        }
        switch (command.isEmpty, file) {
        case (false, nil): origin = .command(command)
        case (true, let file?): origin = .file(file, fromStart: start == .start)
        default:
            throw ConfigurationReader.wrong(
                section.position(of: "name"), "the source \"\(name)\" needs a command or a file to follow, and not both"
            )
        }
    }

    /// Reads all sources and checks that their names differ.
    static func read(
        _ root: inout ConfigurationSection, _ defaults: ServeConfiguration.Streams
    ) throws(ClassifierError) -> [Self] {
        var names: Set<String> = []
        return try root.sections(SourceSettings.list.name) { section throws(ClassifierError) in
            let source = try Self(&section, defaults)
            guard names.insert(source.name).inserted else {
                throw ConfigurationReader.wrong(
                    section.position(of: "name"), "there are two sources \"\(source.name)\"")
            }
            return source
        }
    }
}
