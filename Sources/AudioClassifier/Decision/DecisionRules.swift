public import StreamTransformer

/// When a probability becomes an event, and which labels count.
public struct DecisionRules: Sendable {
    /// Probability at which an event starts, a label.
    public let starts: [Float]
    /// Probability below which it ends, a label.
    public let ends: [Float]
    /// Whether a label is shown at all.
    public let isShown: [Bool]
    /// Whether a label can be an event.
    public let isEvent: [Bool]
    /// In seconds.
    public let minimumDuration: Double
    public let maximumGap: Double
    public let refractoryTime: Double
    /// Added on either side of an event's times.
    public let padding: Double
    /// In dB relative to full scale: below it nothing starts.
    public let minimumLevel: Double

    /// What a command line or a configuration sets; nil leaves the model's default.
    public struct Settings: Sendable, Equatable {
        public var threshold: Double?
        public var thresholdOff: Double?
        public var classThresholds: [String: Double] = [:]
        public var allow: [String] = []
        public var deny: [String] = []
        public var minimumDuration: Int?
        public var maximumGap: Int?
        public var refractoryTime: Int?
        public var padding = 0
        public var minimumLevel = -120.0

        public init() {}
    }

    /// - Throws: ``ClassifierError`` `usage` for a label that the model does not have, or a threshold out of range.
    public init(_ model: ModelConfiguration, _ settings: Settings = Settings()) throws(ClassifierError) {
        func usage(_ message: String) -> ClassifierError { ClassifierError(.usage, code: "usage", message) }
        for label in settings.allow + settings.deny + Array(settings.classThresholds.keys)
        where !model.labels.contains(label) {
            throw usage(
                "\(model.name) has no label \"\(label)\"; its labels are \(model.labels.prefix(60).joined(separator: ", "))"
            )
        }
        for value in settings.classThresholds.values + [settings.threshold, settings.thresholdOff].compactMap({ $0 })
        where !(value > 0 && value <= 1) {
            throw usage("a threshold of \(value) is not above 0 and at most 1")
        }
        for value in [settings.minimumDuration, settings.maximumGap, settings.refractoryTime, settings.padding]
        where (value ?? 0) < 0 { throw usage("a time of \(value ?? 0) ms is negative") }
        let defaults = model.decision
        let on = settings.threshold ?? defaults.threshold
        let off = settings.thresholdOff ?? min(defaults.thresholdOff, on)
        guard off <= on else { throw usage("--threshold-off \(off) is above --threshold \(on)") }
        starts = model.labels.map { label in
            Float(
                settings.classThresholds[label] ?? (settings.threshold == nil ? defaults.classThresholds[label] : nil)
                    ?? on)
        }
        ends = starts.map { min($0, Float(off)) }
        isShown = model.labels.map { label in
            (settings.allow.isEmpty || settings.allow.contains(label)) && !settings.deny.contains(label)
        }
        isEvent = zip(model.labels, isShown).map { $1 && !model.background.contains($0) }
        minimumDuration = Double(settings.minimumDuration ?? defaults.minimumDuration) / 1000
        maximumGap = Double(settings.maximumGap ?? defaults.maximumGap) / 1000
        refractoryTime = Double(settings.refractoryTime ?? defaults.refractoryTime) / 1000
        padding = Double(settings.padding) / 1000
        minimumLevel = settings.minimumLevel
    }
}
