import ArgumentParser
import AudioClassifier
import StreamTransformer

/// The options that turn probabilities into events.
struct DecisionArguments: ParsableArguments {
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
    @Option(ReportSettings.topCount) var topK: Int

    static let settings: [any SettingDescription] = DecisionSettings.all + [ReportSettings.topCount]

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
        return settings
    }

    func rules(for model: AudioModel) throws -> DecisionRules {
        try DecisionRules(model.network.configuration, settings)
    }
}
