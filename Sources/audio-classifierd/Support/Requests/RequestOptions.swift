package import AudioClassifier
package import AudioFrontend
package import StreamTransformer
internal import StrictCoding

/// The settings of one request: those of the command line, then its own.
package struct RequestOptions: Sendable {
    package var model: String
    package var precision: WeightPrecision
    var mode = ReportMode.summary
    var window: Double?
    var every = 1
    package var topCount = 3
    package var decision = DecisionRules.Settings()
    package var input = InputOptions()
    var startTimeFrom: RecordingTime?
    var streamName: String?
    /// A published front-end in place of the model's.
    var recipe: String?
    var stage = FeatureStage.features
    var followsLinks = false
    var includesHidden = false

    package init(model: String, precision: WeightPrecision) {
        self.model = model
        self.precision = precision
    }

    /// Applies the settings of a request.
    /// - Throws: ``ClassifierError`` `usage` for a member that the request does not have, or a wrong value.
    mutating func apply(_ settings: [String: JSONValue], _ known: [RequestMember]) throws(ClassifierError) {
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
            guard let member = known.first(where: { $0.setting.name == key }) else {
                throw Self.wrong(
                    "this type of request has no member \"\(key)\""
                        + Spelling.question(key, in: known.map(\.setting.name)))
            }
            guard let texts = Self.texts(value, isRepeated: member.setting.isRepeated), member.apply(texts, &self)
            else {
                throw Self.wrong(
                    "\(key): expected \(member.setting.isRepeated ? "an array of " : "")\(member.setting.expected)")
            }
        }
        guard window == nil || mode == .summary else {
            throw Self.wrong("window divides a summary; leave out emit \"\(mode.rawValue)\"")
        }
    }

    func session(_ model: AudioModel) throws -> StreamSession {
        let rules: DecisionRules
        do { rules = try DecisionRules(model, decision) } catch {
            throw ClassifierError(error.kind, code: error.code, error.messageForSettings)
        }
        var report = ReportOptions(rules: rules)
        report.mode = mode
        report.topCount = topCount
        report.every = every
        report.window = window
        var session = StreamSession(model: model, report: report)
        session.followProgram()
        session.input = input
        return session
    }

    /// Returns the texts of a JSON value, as an option has them; nil for a value of another form.
    private static func texts(_ value: JSONValue, isRepeated: Bool) -> [String]? {
        if isRepeated {
            guard case .array(let elements) = value else { return nil }
            let texts = elements.compactMap { text($0) }
            return texts.count == elements.count ? texts : nil
        }
        return text(value).map { [$0] }
    }

    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .bool(let isTrue): "\(isTrue)"
        case .null, .array, .object: nil
        }
    }

    private static func wrong(_ message: String) -> ClassifierError {
        ClassifierError(.usage, code: "request", message)
    }
}

/// A member of a request: a setting, and where its value goes.
struct RequestMember: Sendable {
    let setting: any SettingDescription
    /// Sets the value that texts say; false where they are none.
    let apply: @Sendable ([String], inout RequestOptions) -> Bool

    private init<Value>(
        _ setting: Setting<Value>, _ assign: @escaping @Sendable (Value, inout RequestOptions) -> Void
    ) {
        self.init(list: setting) { values, options in for value in values { assign(value, &options) } }
    }

    private init<Value>(
        list setting: Setting<Value>, _ assign: @escaping @Sendable ([Value], inout RequestOptions) -> Void
    ) {
        self.setting = setting
        apply = { texts, options in
            let values = texts.compactMap(setting.kind.parse)
            guard values.count == texts.count else { return false }
            assign(values, &options)
            return true
        }
    }

    private static let model = [
        Self(ModelSettings.model) { $1.model = $0 },
        Self(ModelSettings.weights) { $1.precision = $0 },
    ]
    private static let input = [
        Self(InputSettings.format) { $1.input.container = $0 },
        Self(InputSettings.sampleFormat) { $1.input.sampleFormat = $0 },
        Self(InputSettings.rate) { $1.input.sampleRate = $0 },
        Self(InputSettings.channels) { $1.input.channels = $0 },
        Self(InputSettings.channel) { $1.input.selection = $0 },
    ]
    private static let report = [
        Self(ReportSettings.emit) { $1.mode = $0 },
        Self(ReportSettings.every) { $1.every = $0 },
        Self(ReportSettings.topCount) { $1.topCount = $0 },
        Self(ReportSettings.sourceName) { $1.streamName = $0 },
    ]
    private static let decision = [
        Self(DecisionSettings.threshold) { $1.decision.threshold = $0 },
        Self(DecisionSettings.thresholdOff) { $1.decision.thresholdOff = $0 },
        Self(list: DecisionSettings.classThreshold) {
            $1.decision.classThresholds = Dictionary($0.map { ($0.label, $0.threshold) }) { $1 }
        },
        Self(list: DecisionSettings.allow) { $1.decision.allow = $0 },
        Self(list: DecisionSettings.deny) { $1.decision.deny = $0 },
        Self(DecisionSettings.labels) { $1.decision.labels = $0 },
        Self(DecisionSettings.minimumDuration) { $1.decision.minimumDuration = $0 },
        Self(DecisionSettings.maximumGap) { $1.decision.maximumGap = $0 },
        Self(DecisionSettings.refractoryTime) { $1.decision.refractoryTime = $0 },
        Self(DecisionSettings.padding) { $1.decision.padding = $0 },
        Self(DecisionSettings.minimumLevel) { $1.decision.minimumLevel = $0 },
        Self(DecisionSettings.minimumRise) { $1.decision.minimumRise = $0 },
    ]

    static let classify =
        model + input + report + decision + [
            Self(ProgramSettings.window) { $1.window = $0 },
            Self(ProgramSettings.startTimeFrom) { $1.startTimeFrom = $0 },
        ]
    static let open = model + input + report + decision
    static let features =
        input + [
            Self(ModelSettings.model) { $1.model = $0 },
            Self(ProgramSettings.recipe) { $1.recipe = $0 },
            Self(ProgramSettings.stage) { $1.stage = $0 },
        ]
    static let find = [
        Self(ProgramSettings.followsLinks) { $1.followsLinks = $0 },
        Self(ProgramSettings.includesHidden) { $1.includesHidden = $0 },
    ]
    static let describe = model
}
