import ArgumentParser
import AudioClassifier
import AudioFrontend
import Logging
import StreamTransformer

/// The options that turn probabilities into events.
struct DecisionArguments: ParsableArguments {
    // ConfigurationArguments reads it before the other options are parsed.
    @Option(
        help: ArgumentHelp(
            "Take the model and the decisions that no option sets from this configuration of serve, such as the "
                + "thresholds of evaluate --write-config.", valueName: "file"),
        completion: .file(extensions: ["yaml"]))
    var config: String?
    @Option(DecisionSettings.threshold) var threshold: Double?
    @Option(DecisionSettings.thresholdOff) var thresholdOff: Double?
    @Option(DecisionSettings.classThreshold) var classThreshold: [ClassThreshold]
    @Option(DecisionSettings.allow, completion: Completions.labels) var allow: [String]
    @Option(DecisionSettings.deny, completion: Completions.labels) var deny: [String]
    @Option(DecisionSettings.labels) var labels: LabelChoice
    @Option(DecisionSettings.minimumDuration) var minDurationMs: Int?
    @Option(DecisionSettings.maximumGap) var maxGapMs: Int?
    @Option(DecisionSettings.refractoryTime) var refractoryMs: Int?
    @Option(DecisionSettings.padding) var padMs: Int
    // A level begins with a minus, which would otherwise be parsed as another flag.
    @Option(DecisionSettings.minimumLevel, parsing: .unconditional) var minDbfs: Double
    @Option(DecisionSettings.minimumRise) var minRiseDb: Double?
    @Option(ReportSettings.topCount) var topK: Int

    static let settings: [any SettingDescription] = DecisionSettings.all + [ReportSettings.topCount]

    /// The files that these options read.
    var files: [FileName] { config.map { [ProgramArguments.file($0)] } ?? [] }

    var settings: DecisionRules.Settings {
        var settings = DecisionRules.Settings()
        settings.threshold = threshold
        settings.thresholdOff = thresholdOff
        settings.classThresholds = Dictionary(classThreshold.map { ($0.label, $0.threshold) }) { $1 }
        settings.allow = allow
        settings.deny = deny
        settings.labels = labels
        settings.minimumDuration = minDurationMs
        settings.maximumGap = maxGapMs
        settings.refractoryTime = refractoryMs
        settings.padding = padMs
        settings.minimumLevel = minDbfs
        settings.minimumRise = minRiseDb
        return settings
    }

    func rules(for model: AudioModel) throws -> DecisionRules {
        let rules = try withFileName { try DecisionRules(model.network.configuration, settings) }
        let background = Set(model.network.configuration.background)
        let silent = classThreshold.map(\.label).filter(background.contains)
        if let label = silent.first ?? (background.isSuperset(of: allow) ? allow.first : nil) {
            let log = Logger(label: "audio-classifierd")
            log.notice("\(label) is a label of \(model.name)'s background: lists have it, and no event")
        }
        return rules
    }

    /// Adds the name of the configuration to an error of the decisions, which may come from it.
    func withFileName<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as ClassifierError {
            guard let config else { throw error }
            let message = "\(error.message) (the options and --config \(config) set the decisions)"
            throw ClassifierError(error.kind, code: error.code, message)
        }
    }

    /// The options that differ from the model's values, as YAML by the keys of `serve`, without thresholds of labels.
    var configuration: [(key: String, value: String)] {
        var values: [(key: String, value: String)] = []
        func add<Value>(_ setting: Setting<Value>, _ value: Value?) {
            if let value { values.append((setting.configurationKey, setting.kind.show(value))) }
        }
        func add(_ setting: Setting<String>, _ list: [String]) {
            if !list.isEmpty {
                values.append(
                    (setting.configurationKey, "[\(list.map(setting.kind.show).joined(separator: ", "))]"))
            }
        }
        add(DecisionSettings.threshold, threshold)
        add(DecisionSettings.thresholdOff, thresholdOff)
        add(DecisionSettings.allow, allow)
        add(DecisionSettings.deny, deny)
        add(DecisionSettings.minimumDuration, minDurationMs)
        add(DecisionSettings.maximumGap, maxGapMs)
        add(DecisionSettings.refractoryTime, refractoryMs)
        if padMs != DecisionSettings.padding.fallback { add(DecisionSettings.padding, padMs) }
        if minDbfs != DecisionSettings.minimumLevel.fallback { add(DecisionSettings.minimumLevel, minDbfs) }
        add(DecisionSettings.minimumRise, minRiseDb)
        return values
    }
}
