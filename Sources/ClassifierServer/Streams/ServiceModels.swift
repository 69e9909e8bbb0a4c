internal import AudioClassifier
internal import FoundationEssentials
internal import StreamTransformer

/// The models of a configuration, loaded, and checked against what the configuration says about streams and sources.
struct ServiceModels: Sendable {
    private(set) var byName: [String: AudioModel] = [:]
    /// Of streams that ask for none.
    let standard: AudioModel
    /// The text of each model's `config.json`, which names the hash of its weights.
    private var descriptions: [String: Data] = [:]

    /// - Parameter old: models that are loaded already; those that have not changed are kept.
    /// - Throws: where a model cannot be loaded or does not fit the configuration.
    init(_ configuration: ServeConfiguration, catalog: ModelCatalog, keeping old: ServiceModels? = nil) throws {
        for name in [configuration.model] + configuration.models where byName[name] == nil {
            let file = URL(filePath: try catalog.directory(of: name) + "/config.json")
            let description = try? Data(contentsOf: file)
            if let description, let kept = old?.byName[name], old?.descriptions[name] == description {
                byName[name] = kept
            } else {
                byName[name] = try AudioModel(catalog.load(name))
            }
            descriptions[name] = description
        }
        guard let standard = byName[configuration.model] else {
            throw ClassifierError(.software, code: "internal", "the model \(configuration.model) was not loaded")
        }
        self.standard = standard
        // The thresholds of the configuration must fit the labels of the model that streams get unless they say
        // otherwise.
        _ = try DecisionRules(standard.model.configuration, configuration.streams.decision)
        for source in configuration.sources { try SourceKeeper.check(source, models: self) }
    }

    /// - Returns: nil where there is no model of this name.
    func model(_ name: String?) -> AudioModel? { name.map { byName[$0] } ?? standard }

    var all: [AudioModel] { Array(byName.values) }
    /// What tells them apart: a model that is read again is another one.
    var identities: [ObjectIdentifier] { all.map { ObjectIdentifier($0.model) } }
}
