public import AudioClassifier
public import AudioFrontend

extension ServeConfiguration {
    /// Audio that the service fetches itself.
    public struct Source: Sendable, Equatable {
        public enum Origin: Sendable, Equatable {
            /// The standard output of a program: its name and its arguments.
            case command([String])
            /// A file that grows. One that is there already is read from its beginning, or from its end on.
            case file(String, fromStart: Bool)
        }

        /// Of its stream.
        public var name: String
        public var origin: Origin
        /// Nil is the service's.
        public var model: String?
        public var format: SampleFormat
        /// Nil is the model's.
        public var rate: Int?
        public var channels: Int
        public var selection: ChannelSelection
        public var decision: DecisionRules.Settings
    }
}

extension ServeConfiguration.Source {
    /// - Parameter defaults: what a source that says nothing else is.
    init(_ section: inout ConfigurationSection, _ defaults: ServeConfiguration.Streams) throws(ClassifierError) {
        name = try section.string("name", default: "")
        let command = try section.words("command")
        let file = try section.optionalString("follow")
        let start = try section.choice("from", default: Start.end)
        model = try section.optionalString("model")
        format = try section.choice("sample_format", default: defaults.format)
        rate = try section.optionalInteger("rate", in: 1000...768_000) ?? defaults.rate
        channels = try section.integer("channels", default: defaults.channels, in: 1...256)
        selection = try section.value(
            "channel", default: .mix, expected: "mix, or a number from 1 on",
            show: { if case .channel(let number) = $0 { "\(number)" } else { "\"mix\"" } },
            parse: { text in
                text == "mix" ? .mix : Int(text).flatMap { (1...256).contains($0) ? .channel($0) : nil }
            })
        decision =
            section.contains("decision")
            ? try section.section("decision") { section throws(ClassifierError) in try .read(&section) }
            : defaults.decision
        // A misspelt key is what is wrong, and not what is missing for it.
        try section.refuseOthers()
        guard StreamName.isValid(name) else {
            throw ConfigurationReader.wrong(
                section.place,
                "the name of a source is \"\(name)\"; expected 1 to 64 letters, digits, dots, dashes and underscores")
        }
        switch (command.isEmpty, file) {
        case (false, nil): origin = .command(command)
        case (true, let file?): origin = .file(file, fromStart: start == .start)
        default:
            throw ConfigurationReader.wrong(
                section.place, "the source \"\(name)\" needs a command or a file to follow, and not both")
        }
    }

    private enum Start: String, CaseIterable { case start, end }

    /// All sources, whose names are all different.
    static func read(
        _ root: inout ConfigurationSection, _ defaults: ServeConfiguration.Streams
    ) throws(ClassifierError) -> [Self] {
        var names: Set<String> = []
        return try root.list("sources") { section throws(ClassifierError) in
            let source = try Self(&section, defaults)
            guard names.insert(source.name).inserted else {
                throw ConfigurationReader.wrong(section.place, "there are two sources \"\(source.name)\"")
            }
            return source
        }
    }
}
