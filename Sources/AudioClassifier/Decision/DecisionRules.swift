package import StreamTransformer

/// The rules by which probabilities become events, and the labels that count.
///
/// ```swift
/// var settings = DecisionRules.Settings()
/// settings.threshold = 0.7
/// settings.allow = ["Dog", "Bark"]
/// let rules = try DecisionRules(model, settings)
/// ```
public struct DecisionRules: Sendable, Equatable {
    /// Labels of the model.
    public let labels: [String]
    /// For each label, the probability at which an event starts.
    public let startThresholds: [Float]
    /// For each label, the probability below which an event ends.
    public let endThresholds: [Float]
    /// For each label, whether reports show it.
    public let isShown: [Bool]
    /// The order in which reports list labels.
    package let ranking: LabelRanking
    /// For each label, whether it can be an event.
    public let isEvent: [Bool]
    /// Least duration of an event, in seconds.
    public let minimumDuration: Double
    /// Longest gap, in seconds, over which two events of a label become one.
    public let maximumGap: Double
    /// Time after an event, in seconds, in which no other event of its label starts.
    public let refractoryTime: Double
    /// Time, in seconds, that the model takes to notice a sound: an event begins so much before its first prediction.
    public let onsetDelay: Double
    /// Time, in seconds, that the model takes to notice a sound's end.
    public let offsetDelay: Double
    /// Fall of the level, in dB, with which a sound has ended at the latest.
    public let offsetFall: Double
    /// Time, in seconds, by which an event's start is moved back and its end forward.
    public let padding: Double
    /// Level, in dB relative to full scale, below which no event starts.
    public let minimumLevel: Double
    /// Rise of the level, in dB, below which an event needs ``steadyThreshold``; 0 if none is needed.
    ///
    /// The rise is that from the mean power of a half second to the largest level of the next one, which the event's
    /// first prediction ends.
    public let minimumRise: Double
    /// The probability that an event reaches in a sound whose level has not risen.
    public let steadyThreshold: Float
    /// Time, in seconds, on both sides of a rise.
    package static let riseTime = 0.5
    /// How far back the levels are needed, in seconds.
    package var levelSpan: Double {
        max(offsetFall.isFinite ? onsetDelay : 0, minimumRise > 0 ? 2 * Self.riseTime : 0)
    }

    /// Changes to a model's rules; `nil` keeps the model's value.
    public struct Settings: Sendable, Equatable {
        /// Probability at which an event starts, for all labels; by itself it asks for no rise of the level.
        public var threshold: Double?
        /// Probability below which an event ends, for all labels.
        public var thresholdOff: Double?
        /// Probability at which an event starts, for single labels.
        public var classThresholds: [String: Double] = [:]
        /// The only labels that count; empty means all.
        public var allow: [String] = []
        /// Labels that do not count.
        public var deny: [String] = []
        /// The labels that a list of labels begins with.
        public var labels = LabelChoice.leaf
        /// Least duration of an event, in milliseconds.
        public var minimumDuration: Int?
        /// Longest gap inside an event, in milliseconds.
        public var maximumGap: Int?
        /// Least time from an event's end to the next start of its label, in milliseconds.
        public var refractoryTime: Int?
        /// Time added on either side of an event, in milliseconds.
        public var padding = 0
        /// Level below which no event starts, in dB relative to full scale.
        public var minimumLevel = -120.0
        /// Rise of the level, in dB, below which an event needs the model's threshold for steady sounds; 0 for none.
        public var minimumRise: Double?

        /// Changes nothing.
        public init() {}
    }

    /// The rules for which a model was calibrated.
    public init(_ model: AudioModel) { self.init(resolving: Settings(), model.network.configuration) }

    /// A model's rules with some changes.
    /// - Throws: ``ClassifierError`` of kind `usage` for a label that the model does not have, a threshold that is not
    ///   above 0 and at most 1, a negative time, or an end threshold above the start threshold.
    public init(_ model: AudioModel, _ settings: Settings) throws(ClassifierError) {
        try self.init(model.network.configuration, settings)
    }

    package init(_ model: ModelConfiguration, _ settings: Settings = Settings()) throws(ClassifierError) {
        try Self.check(settings, model)
        self.init(resolving: settings, model)
    }

    private init(resolving settings: Settings, _ model: ModelConfiguration) {
        let defaults = model.decision
        let (on, off) = Self.thresholds(settings, defaults)
        labels = model.labels
        startThresholds = model.labels.map { label in
            Float(
                settings.classThresholds[label] ?? (settings.threshold == nil ? defaults.classThresholds[label] : nil)
                    ?? on)
        }
        endThresholds = startThresholds.map { min($0, Float(off)) }
        isShown = model.labels.map { label in
            (settings.allow.isEmpty || settings.allow.contains(label)) && !settings.deny.contains(label)
        }
        ranking = LabelRanking(model, settings.labels, isIncluded: isShown)
        isEvent = zip(model.labels, isShown).map { $1 && !model.background.contains($0) }
        minimumDuration = Double(settings.minimumDuration ?? defaults.minimumDuration) / 1000
        maximumGap = Double(settings.maximumGap ?? defaults.maximumGap) / 1000
        refractoryTime = Double(settings.refractoryTime ?? defaults.refractoryTime) / 1000
        onsetDelay = Double(defaults.onsetDelay) / 1000
        offsetDelay = Double(defaults.offsetDelay) / 1000
        offsetFall = defaults.offsetFall ?? .infinity
        padding = Double(settings.padding) / 1000
        minimumLevel = settings.minimumLevel
        minimumRise = settings.minimumRise ?? (settings.threshold == nil ? defaults.minimumRise : 0)
        steadyThreshold = Float(defaults.steadyThreshold)
    }

    private static func check(_ settings: Settings, _ model: ModelConfiguration) throws(ClassifierError) {
        func usage(_ message: String) -> ClassifierError { ClassifierError(.usage, code: "usage", message) }
        for label in settings.allow + settings.deny + Array(settings.classThresholds.keys)
        where !model.labels.contains(label) {
            let question = Spelling.question(label, in: model.labels)
            let command = "audio-classifierd models labels \(model.name)"
            throw usage("\(model.name) has no label \"\(label)\"\(question); all labels: \(command)")
        }
        for value in settings.classThresholds.values + [settings.threshold, settings.thresholdOff].compactMap({ $0 })
        where !(value > 0 && value <= 1) {
            throw usage("a threshold of \(value) is not above 0 and at most 1")
        }
        for value in [settings.minimumDuration, settings.maximumGap, settings.refractoryTime, settings.padding]
        where (value ?? 0) < 0 { throw usage("a time of \(value ?? 0) ms is negative") }
        if let rise = settings.minimumRise, !(0...120).contains(rise) {
            throw usage("a rise of \(rise) dB is not in 0 ... 120")
        }
        let (on, off) = thresholds(settings, model.decision)
        guard off <= on else { throw usage("--threshold-off \(off) is above --threshold \(on)") }
    }

    private static func thresholds(_ settings: Settings, _ defaults: DecisionDefaults) -> (on: Double, off: Double) {
        let on = settings.threshold ?? defaults.threshold
        return (on, settings.thresholdOff ?? min(defaults.thresholdOff, on))
    }
}
