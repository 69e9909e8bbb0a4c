package import AudioClassifier

/// The model and the decisions that a configuration file of `serve` sets, for the commands that classify without it.
package struct ConfiguredDecisions: Sendable {
    /// The settings that the file has, each with its values as an option takes them.
    package let values: [(setting: any SettingDescription, texts: [String])]

    /// Reads `model` and `streams.decision`. Files that other sections name, such as that of a token, are not opened.
    /// - Throws: ``ClassifierError`` `configuration` with the file's line.
    package init(file: String) throws(ClassifierError) {
        let configuration = try ServeConfiguration(file: file, environment: [:], isWhole: false)
        let decision = configuration.streams.decision
        var values: [(setting: any SettingDescription, texts: [String])] = []
        func add(_ setting: any SettingDescription, _ path: String, _ texts: [String?]) {
            guard configuration.origins[path + setting.configurationKey] != nil else { return }
            values.append((setting, texts.compactMap { $0 }))
        }
        add(ModelSettings.model, "", [configuration.model])
        let path = "streams.decision."
        add(DecisionSettings.threshold, path, [decision.threshold.map { "\($0)" }])
        add(DecisionSettings.thresholdOff, path, [decision.thresholdOff.map { "\($0)" }])
        add(
            DecisionSettings.classThreshold, path,
            decision.classThresholds.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
        add(DecisionSettings.allow, path, decision.allow)
        add(DecisionSettings.deny, path, decision.deny)
        add(DecisionSettings.labels, path, [decision.labels.rawValue])
        add(DecisionSettings.minimumDuration, path, [decision.minimumDuration.map { "\($0)" }])
        add(DecisionSettings.maximumGap, path, [decision.maximumGap.map { "\($0)" }])
        add(DecisionSettings.refractoryTime, path, [decision.refractoryTime.map { "\($0)" }])
        add(DecisionSettings.padding, path, ["\(decision.padding)"])
        add(DecisionSettings.minimumLevel, path, ["\(decision.minimumLevel)"])
        add(DecisionSettings.minimumRise, path, [decision.minimumRise.map { "\($0)" }])
        self.values = values
    }
}
