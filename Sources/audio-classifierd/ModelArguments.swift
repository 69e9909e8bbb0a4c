public import ArgumentParser
internal import AudioClassifier
public import StreamTransformer

extension WeightPrecision: ExpressibleByArgument {}
extension OutputFormat: ExpressibleByArgument {}
extension ReportMode: ExpressibleByArgument {}

struct ModelArguments: ParsableArguments {
    @Option(help: "A model's name (see: audio-classifierd models list), or its folder.")
    var model = ModelCatalog.defaultName

    @Option(help: "How to keep its matrices: f16 and int8 are faster, and less exact (docs/performance.md).")
    var weights = WeightPrecision.float32

    func load() throws -> AudioModel {
        try AudioModel(named: model, precision: weights)
    }
}

/// `LABEL=P` on the command line.
struct ClassThreshold: ExpressibleByArgument {
    let label: String
    let threshold: Double

    init?(argument: String) {
        guard let equals = argument.lastIndex(of: "="),
            let threshold = Double(argument[argument.index(after: equals)...])
        else { return nil }
        label = String(argument[..<equals])
        self.threshold = threshold
    }
}

struct DecisionArguments: ParsableArguments {
    @Option(help: ArgumentHelp("An event starts at this probability. (default: the model's)", valueName: "p"))
    var threshold: Double?

    @Option(help: ArgumentHelp("An event ends below this probability. (default: the model's)", valueName: "p"))
    var thresholdOff: Double?

    @Option(help: ArgumentHelp("Another threshold for one label; may be repeated.", valueName: "label=p"))
    var classThreshold: [ClassThreshold] = []

    @Option(help: ArgumentHelp("Show only this label; may be repeated.", valueName: "label"))
    var allow: [String] = []

    @Option(help: ArgumentHelp("Do not show this label; may be repeated.", valueName: "label"))
    var deny: [String] = []

    @Option(help: ArgumentHelp("Events that are shorter are none. (default: the model's)", valueName: "ms"))
    var minDurationMs: Int?

    @Option(help: ArgumentHelp("Events of a label that are closer are one. (default: the model's)", valueName: "ms"))
    var maxGapMs: Int?

    @Option(
        help: ArgumentHelp("After an event, none of its label for this time. (default: the model's)", valueName: "ms"))
    var refractoryMs: Int?

    @Option(help: ArgumentHelp("Begin events earlier and end them later by this much.", valueName: "ms"))
    var padMs = 0

    // A level begins with a minus, which would otherwise be taken for another flag.
    @Option(
        parsing: .unconditional, help: ArgumentHelp("No event starts in sound below this level.", valueName: "dBFS"))
    var minDbfs = -120.0

    @Option(help: ArgumentHelp("Labels of a frame or a summary.", valueName: "count"))
    var topK = 3

    func validate() throws {
        if topK < 1 { throw ValidationError("--top-k is at least 1.") }
    }

    func rules(for model: AudioModel) throws -> DecisionRules {
        var settings = DecisionRules.Settings()
        settings.threshold = threshold
        settings.thresholdOff = thresholdOff
        settings.classThresholds = Dictionary(classThreshold.map { ($0.label, $0.threshold) }) { $1 }
        settings.allow = allow
        settings.deny = deny
        settings.minimumDuration = minDurationMs
        settings.maximumGap = maxGapMs
        settings.refractoryTime = refractoryMs
        settings.padding = padMs
        settings.minimumLevel = minDbfs
        return try DecisionRules(model.network.configuration, settings)
    }
}
