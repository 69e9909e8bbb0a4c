package import StrictCoding

/// The configuration of a model, `config.json`, checked when it is read. `docs/model-format.md` defines every key.
public struct ModelConfiguration: Sendable {
    /// Labels, in the order of the logits.
    public let labels: [String]
    public let name: String
    public let description: String
    /// An SPDX expression.
    public let licence: String
    /// The front-end recipe, which maps audio to frames; nil if the input is a feature stream.
    package let frontend: JSONValue?
    /// Number of features of a frame.
    public let inputWidth: Int
    public let stem: StemConfiguration
    public let encoder: EncoderConfiguration
    /// Number of newest contexts that temporal mean pooling averages before the head; 1 means no pooling.
    public let pooledContexts: Int
    public let activation: OutputActivation
    /// Labels that are never events.
    public let background: Set<String>
    /// The statistics of labels in summaries; others have ``SummaryStatistic/largest``, or ``SummaryStatistic/mean`` if
    /// they are background.
    public let summary: [String: SummaryStatistic]
    /// Time, in milliseconds from the beginning of a stream, up to which predictions do not count in a summary.
    public let summaryStart: Int
    /// More general labels, by label; a label that is not among the keys has none.
    public let parents: [String: [String]]
    /// Time constant, in milliseconds, of the probabilities by which labels of single predictions are ranked.
    public let smoothing: Int
    public let decision: DecisionDefaults
    /// The file of the weights, as the configuration describes it.
    public let weightsFile: WeightsFile
    /// Largest permitted error of a golden logit.
    public let goldenTolerance: Double
    /// Free-form object: data, recipe, accuracy.
    package let card: JSONValue

    /// The map from logits to probabilities.
    public enum OutputActivation: String, Sendable, Codable { case softmax, sigmoid }

    public struct WeightsFile: Sendable, Equatable {
        /// Name of a `.safetensors` file in the model's folder.
        public let name: String
        public let bytes: Int
        /// SHA-256 of the file, 64 hexadecimal digits.
        public let sha256: String
    }
}

/// The thresholds for which a model was calibrated.
public struct DecisionDefaults: Sendable, Equatable {
    /// Probability at which an event starts.
    public var threshold = 0.5
    /// Probability below which an event ends.
    public var thresholdOff = 0.35
    /// Least duration of an event, in milliseconds.
    public var minimumDuration = 0
    /// Largest gap over which events of a label are joined, in milliseconds.
    public var maximumGap = 0
    /// Time after the end of an event in which no event of its label starts, in milliseconds.
    public var refractoryTime = 0
    /// Time from the beginning of a sound to the prediction that starts its event, in milliseconds.
    public var onsetDelay = 0
    /// Time from the end of a sound to the last prediction of its event, in milliseconds.
    public var offsetDelay = 0
    /// Fall of the level, in dB, with which a sound has ended at the latest; `nil` means that its level says nothing.
    public var offsetFall: Double?
    /// Rise of the level, in dB, below which an event needs ``steadyThreshold``; 0 for none.
    public var minimumRise = 0.0
    /// Probability that an event reaches in a sound whose level has not risen.
    public var steadyThreshold = 1.0
    /// Thresholds of single labels, in place of ``threshold``.
    public var classThresholds: [String: Double] = [:]

    public init() {}
}

extension ModelConfiguration: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, description, licence, labels, frontend, stem, encoder, head, activation, background, summary,
            parents, decision, golden, card
        case smoothing = "smoothing_ms"
        case summaryStart = "summary_from_ms"
        case weightsFile = "weights"
        case formatVersion = "format_version"
        case inputWidth = "input_width"
    }

    private struct Golden: Decodable {
        let tolerance: Double
        enum CodingKeys: String, CodingKey, CaseIterable { case tolerance }
        init(from decoder: any Decoder) throws {
            tolerance = try decoder.strictContainer(keyedBy: CodingKeys.self).decode(Double.self, forKey: .tolerance)
        }
    }

    private struct Head: Decodable {
        let average: Int
        enum CodingKeys: String, CodingKey, CaseIterable { case average }
        init(from decoder: any Decoder) throws {
            let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
            average = try values.decode(Int.self, forKey: .average)
            try values.require((1...1024).contains(average), .average, "\(average) is not in 1 ... 1024")
        }
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let version = try values.decode(Int.self, forKey: .formatVersion)
        try values.require(version == 1, .formatVersion, "version \(version) is not 1; a newer program may read it")
        name = try values.decode(String.self, forKey: .name)
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-")
        try values.require(
            !name.isEmpty && name.allSatisfy(allowed.contains), .name, "\"\(name)\" is not of a-z, 0-9 and -")
        description = try values.decode(String.self, forKey: .description)
        licence = try values.decode(String.self, forKey: .licence)
        labels = try values.decode([String].self, forKey: .labels)
        try values.require(!labels.isEmpty && labels.count <= 65536, .labels, "there are \(labels.count) labels")
        try values.require(
            Set(labels).count == labels.count && labels.allSatisfy { !$0.isEmpty }, .labels,
            "a label is empty or there twice")
        if let fault = Self.fault(inLabels: labels) { throw values.error(.labels, fault) }
        frontend = try values.decodeIfPresent(JSONValue.self, forKey: .frontend)
        inputWidth = try values.decode(Int.self, forKey: .inputWidth)
        try values.require((1...65536).contains(inputWidth), .inputWidth, "\(inputWidth) is not in 1 ... 65536")
        stem = try values.decode(StemConfiguration.self, forKey: .stem)
        encoder = try values.decode(EncoderConfiguration.self, forKey: .encoder)
        pooledContexts = try values.decodeIfPresent(Head.self, forKey: .head)?.average ?? 1
        activation = try values.decode(OutputActivation.self, forKey: .activation)
        background = Set(try values.decode([String].self, forKey: .background))
        let known = Set(labels)
        try values.require(background.isSubset(of: known), .background, "a background label is not one of the labels")
        summary = try values.decodeIfPresent([String: SummaryStatistic].self, forKey: .summary) ?? [:]
        try values.require(
            known.isSuperset(of: summary.keys), .summary, "a statistic names a label that there is not")
        summaryStart = try values.decodeIfPresent(Int.self, forKey: .summaryStart) ?? 0
        try values.require(
            (0...60_000).contains(summaryStart), .summaryStart, "\(summaryStart) ms are not in 0 ... 60000")
        parents = try values.decodeIfPresent([String: [String]].self, forKey: .parents) ?? [:]
        if let fault = LabelRelations(labels).fault(inParents: parents) { throw values.error(.parents, fault) }
        smoothing = try values.decodeIfPresent(Int.self, forKey: .smoothing) ?? 0
        try values.require((0...60_000).contains(smoothing), .smoothing, "\(smoothing) ms are not in 0 ... 60000")
        decision = try values.decode(DecisionDefaults.self, forKey: .decision)
        try values.require(
            known.isSuperset(of: decision.classThresholds.keys), .decision,
            "a class threshold names a label that there is not")
        weightsFile = try values.decode(WeightsFile.self, forKey: .weightsFile)
        goldenTolerance = try values.decode(Golden.self, forKey: .golden).tolerance
        try values.require(
            goldenTolerance > 0 && goldenTolerance <= 0.01, .golden, "the tolerance is not in 0 ... 0.01")
        card = try values.decode(JSONValue.self, forKey: .card)
        try values.require(
            stemBytes <= StreamSize.largest, .stem,
            "the stem would take \(gibibytes(stemBytes)) for a stream, more than \(gibibytes(StreamSize.largest))")
        let cost = ModelCost(self)
        try values.require(
            cost.step <= ModelCost.largestStep, .encoder,
            "a prediction would take \(ModelCost.text(cost.step)) multiply-adds, "
                + "more than \(ModelCost.text(ModelCost.largestStep))")
        try values.require(
            cost.building <= ModelCost.largestBuilding, .encoder,
            "the landmarks would take \(ModelCost.text(cost.building)) multiply-adds to prepare, "
                + "more than \(ModelCost.text(ModelCost.largestBuilding)); use fewer landmarks or iterations")
    }
}

extension ModelConfiguration {
    /// Largest number of bytes of a label in UTF-8.
    private static let largestLabel = 1024

    /// Returns what is wrong with labels, which go into records, tables, topics and pages; nil if nothing is.
    fileprivate static func fault(inLabels labels: [String]) -> String? {
        for (index, label) in labels.enumerated() {
            guard label.utf8.count <= largestLabel else {
                return "label \(index) has \(label.utf8.count) bytes, and \(largestLabel) are the most"
            }
            guard !label.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                return "label \(index) has a control character"
            }
        }
        return nil
    }
}

extension ModelConfiguration.WeightsFile: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name = "file"
        case bytes, sha256
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        bytes = try values.decode(Int.self, forKey: .bytes)
        sha256 = try values.decode(String.self, forKey: .sha256)
        try values.require(
            !name.contains("/") && name.hasSuffix(".safetensors"), .name,
            "\"\(name)\" is not the name of a .safetensors file")
        try values.require(sha256.count == 64, .sha256, "is not 64 hexadecimal digits")
    }
}

extension DecisionDefaults: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case threshold
        case thresholdOff = "threshold_off"
        case minimumDuration = "min_duration_ms"
        case maximumGap = "max_gap_ms"
        case refractoryTime = "refractory_ms"
        case onsetDelay = "onset_delay_ms"
        case offsetDelay = "offset_delay_ms"
        case offsetFall = "offset_fall_db"
        case minimumRise = "min_rise_db"
        case steadyThreshold = "steady_threshold"
        case classThresholds = "class_thresholds"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        threshold = try values.decode(Double.self, forKey: .threshold)
        thresholdOff = try values.decode(Double.self, forKey: .thresholdOff)
        minimumDuration = try values.decode(Int.self, forKey: .minimumDuration)
        maximumGap = try values.decode(Int.self, forKey: .maximumGap)
        refractoryTime = try values.decode(Int.self, forKey: .refractoryTime)
        onsetDelay = try values.decodeIfPresent(Int.self, forKey: .onsetDelay) ?? 0
        offsetDelay = try values.decodeIfPresent(Int.self, forKey: .offsetDelay) ?? 0
        offsetFall = try values.decodeIfPresent(Double.self, forKey: .offsetFall)
        minimumRise = try values.decodeIfPresent(Double.self, forKey: .minimumRise) ?? 0
        steadyThreshold = try values.decodeIfPresent(Double.self, forKey: .steadyThreshold) ?? 1
        classThresholds = try values.decodeIfPresent([String: Double].self, forKey: .classThresholds) ?? [:]
        try values.require(
            0 < thresholdOff && thresholdOff <= threshold && threshold <= 1, .threshold,
            "threshold_off \(thresholdOff) and threshold \(threshold) are not 0 < off <= on <= 1")
        for (label, value) in classThresholds where !(value > 0 && value <= 1) {
            try values.require(
                false, .classThresholds, "the threshold \(value) of \"\(label)\" is not above 0 and at most 1")
        }
        for (time, key) in [(onsetDelay, CodingKeys.onsetDelay), (offsetDelay, .offsetDelay)] {
            try values.require((0...60_000).contains(time), key, "a delay of \(time) ms is not in 0 ... 60000")
        }
        if let offsetFall {
            try values.require(
                offsetFall > 0 && offsetFall <= 120, .offsetFall, "\(offsetFall) dB are not above 0 and at most 120")
        }
        try values.require(
            (0...120).contains(minimumRise), .minimumRise, "\(minimumRise) dB are not in 0 ... 120")
        try values.require(
            steadyThreshold > 0 && steadyThreshold <= 1, .steadyThreshold,
            "\(steadyThreshold) is not above 0 and at most 1")
        for time in [minimumDuration, maximumGap, refractoryTime] {
            try values.require(
                (0...3_600_000).contains(time), .minimumDuration, "a time of \(time) ms is not in 0 ... 3600000")
        }
    }
}
