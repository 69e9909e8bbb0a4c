public import AudioFrontend
internal import FoundationEssentials
public import StreamTransformer
internal import StrictCoding

/// A model that takes audio: a network, and the front-end that makes its features.
///
/// ```swift
/// let model = try AudioModel(named: "general")
/// print(model.labels.count, "sounds, from", model.sampleRate, "samples a second")
/// ```
///
/// A model is verified when it is loaded and does not change afterwards. Any number of pipelines on any number of
/// threads share it, and a copy of this value shares the weights.
public struct AudioModel: Sendable {
    /// The encoder and its configuration.
    public let network: Model
    /// The tables of the front-end, which pipelines share.
    package let tables: LogMelTables
    /// A check sum of what comes before and after the network: the front-end and the labels.
    let meaning: String
    /// The order of labels in predictions.
    let ranking: LabelRanking

    /// Loads an installed model.
    /// - Parameters:
    ///   - name: the model's name, as `audio-classifierd models` lists it, or the path of its folder, with a slash.
    ///   - precision: how its matrices are kept.
    ///   - catalog: the folders that are searched.
    /// - Throws: ``ClassifierError`` of kind `configuration`: no such model, a damaged file, or a model of other
    ///   features.
    public init(
        named name: String, precision: WeightPrecision = .float32, in catalog: ModelCatalog = ModelCatalog()
    ) throws(ClassifierError) {
        try self.init(directory: catalog.directory(of: name), precision: precision)
    }

    /// Loads the model in a folder with `config.json` and `model.safetensors`.
    /// - Throws: ``ClassifierError`` of kind `configuration`: no model, a damaged file, or a model of other features.
    public init(directory: String, precision: WeightPrecision = .float32) throws(ClassifierError) {
        let network: Model
        do { network = try Model(directory: directory, precision: precision) } catch { throw ClassifierError(error) }
        try self.init(network)
    }

    /// Makes a model that takes audio out of a loaded network.
    /// - Throws: ``ClassifierError`` of kind `configuration` if the network takes other features than audio, or its
    ///   front-end does not make them.
    public init(_ network: Model) throws(ClassifierError) {
        func refusal(_ message: String) -> ClassifierError {
            ClassifierError(.configuration, code: "frontend", message)
        }
        let configuration = network.configuration
        guard let frontend = configuration.frontend else {
            throw refusal(
                "\(configuration.name) takes a feature stream, not audio: use audio-classifierd encode --features")
        }
        let recipe: LogMelRecipe
        let description: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            description = try encoder.encode(frontend)
            recipe = try StrictJSON.decode(LogMelRecipe.self, from: Array(description))
        } catch {
            let reason = (error as? DecodingError)?.explanation(in: "frontend") ?? "\(error)"
            throw refusal("\(network.directory)/config.json: \(reason)")
        }
        guard recipe.bands == configuration.inputWidth else {
            throw refusal(
                "\(network.directory)/config.json: the front-end makes \(recipe.bands) bands, "
                    + "input_width is \(configuration.inputWidth)")
        }
        do { tables = try LogMelTables(recipe) } catch {
            throw refusal("\(network.directory)/config.json: frontend: \(error)")
        }
        self.network = network
        meaning = String(fnv1a(Array(description) + configuration.labels.joined(separator: "\n").utf8), radix: 16)
        ranking = LabelRanking(configuration)
    }

    /// Name of the model.
    public var name: String { network.configuration.name }
    /// Licence of the model, an SPDX expression.
    public var licence: String { network.configuration.licence }
    /// Labels, in the order of a prediction's probabilities.
    public var labels: [String] { network.configuration.labels }
    /// How samples become log-mel frames.
    public var recipe: LogMelRecipe { tables.recipe }
    /// Samples a second that the model takes.
    public var sampleRate: Int { recipe.sampleRate }
    /// Samples from one frame of features to the next.
    public var hop: Int { recipe.hop }
    /// Samples from one prediction to the next.
    public var predictionPeriod: Int { recipe.hop * network.framesPerToken }
}
