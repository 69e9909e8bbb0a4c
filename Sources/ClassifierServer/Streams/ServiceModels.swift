internal import AudioClassifier
internal import AudioFrontend
internal import StreamTransformer

/// The loaded models of a configuration, checked against its streams and sources.
struct ServiceModels: Sendable {
    private(set) var byName: [String: AudioModel] = [:]
    /// The model of streams whose clients name none.
    let `default`: AudioModel
    /// The text of each model's `config.json`, which includes the hash of its weights.
    private var descriptions: [String: [UInt8]] = [:]
    /// Bytes of the largest state of a stream.
    private(set) var largestState = 0

    /// - Parameter old: loaded models, of which the unchanged ones are kept.
    /// - Throws: if a model cannot be loaded or does not fit the configuration.
    init(_ configuration: ServeConfiguration, catalog: ModelCatalog, keeping old: ServiceModels? = nil) throws {
        for name in [configuration.model] + configuration.models where byName[name] == nil {
            let file = try catalog.directory(of: name) + "/config.json"
            let description = try? ModelFile.read(file, atMost: ModelFile.largestConfiguration)
            if let description, let kept = old?.byName[name], old?.descriptions[name] == description {
                byName[name] = kept
            } else {
                byName[name] = try AudioModel(named: name, in: catalog)
            }
            descriptions[name] = description
            if let model = byName[name] { largestState = max(largestState, try StateFile.largestSize(model)) }
        }
        guard let found = byName[configuration.model] else {
            throw ClassifierError(.software, code: "internal", "the model \(configuration.model) was not loaded")
        }
        self.default = found
        // The configured thresholds must fit the labels of the default model.
        try Self.check(configuration.streams.decision, found, "streams.decision", configuration)
        for (index, source) in configuration.sources.enumerated() { try check(source, index, configuration) }
    }

    /// Checks that the settings of events fit a model.
    /// - Parameter path: the section of the configuration.
    private static func check(
        _ decision: DecisionRules.Settings, _ model: AudioModel, _ path: String, _ configuration: ServeConfiguration
    ) throws(ClassifierError) {
        do { _ = try DecisionRules(model.network.configuration, decision) } catch {
            let labels = Set(model.network.configuration.labels)
            let key =
                if !labels.isSuperset(of: decision.allow) { "allow" } else if !labels.isSuperset(of: decision.deny) {
                    "deny"
                } else if !labels.isSuperset(of: decision.classThresholds.keys) {
                    "class_thresholds"
                } else {
                    decision.thresholdOff == nil ? "threshold" : "threshold_off"
                }
            // A source without a section of its own has that of the streams.
            let origin = configuration.origins["\(path).\(key)"] ?? configuration.origins["streams.decision.\(key)"]
            let message = ClassifierError(error).messageForSettings
            throw ConfigurationReader.wrong(origin ?? path, "\(path).\(key): \(message)")
        }
    }

    /// Checks that a source fits its model.
    private func check(
        _ source: ServeConfiguration.Source, _ index: Int, _ configuration: ServeConfiguration
    ) throws(ClassifierError) {
        func wrong(_ message: String) -> ClassifierError {
            ClassifierError(.configuration, code: "configuration", "the source \"\(source.name)\": \(message)")
        }
        guard let model = model(source.model) else {
            throw wrong("there is no model \"\(source.model ?? "")\" here; add it to models")
        }
        try Self.check(source.decision, model, "sources[\(index)].decision", configuration)
        do {
            _ = try PCMDecoder(
                name: source.name, format: source.format, sampleRate: source.rate ?? model.recipe.sampleRate,
                channels: source.channels, selection: source.selection, rate: model.recipe.sampleRate)
        } catch { throw wrong(ClassifierError(error).message) }
    }

    /// - Returns: the default model for nil; nil for an unknown name.
    func model(_ name: String?) -> AudioModel? { name.map { byName[$0] } ?? self.default }

    var all: [AudioModel] { Array(byName.values) }
    /// Labels of all models.
    var labels: Set<String> { Set(all.flatMap { $0.network.configuration.labels }) }
    /// Identities of the loaded models; a model that is loaded again has another one.
    var identities: [ObjectIdentifier] { all.map { ObjectIdentifier($0.network) } }
}
