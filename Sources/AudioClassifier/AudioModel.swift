public import AudioFrontend
internal import FoundationEssentials
public import StreamTransformer
internal import StrictCoding

/// A model that takes audio: the model and the front-end that its configuration names.
public struct AudioModel: Sendable {
    public let model: Model
    public let recipe: LogMelRecipe

    /// - Throws: ``ClassifierError`` where the model takes no audio, or its front-end does not make its features.
    public init(_ model: Model) throws(ClassifierError) {
        let name = model.configuration.name
        guard let frontend = model.configuration.frontend else {
            throw ClassifierError(
                .configuration, code: "frontend",
                "\(name) takes a feature stream, not audio: use audio-classifierd encode --features")
        }
        do {
            recipe = try JSONDecoder().decode(LogMelRecipe.self, from: JSONEncoder().encode(frontend))
        } catch {
            let reason = (error as? DecodingError)?.explanation ?? "\(error)"
            throw ClassifierError(
                .configuration, code: "frontend", "\(model.directory)/config.json: frontend.\(reason)")
        }
        guard recipe.bands == model.configuration.inputWidth else {
            throw ClassifierError(
                .configuration, code: "frontend",
                "\(model.directory)/config.json: the front-end makes \(recipe.bands) bands, input_width is \(model.configuration.inputWidth)"
            )
        }
        self.model = model
    }

    /// Samples from one prediction to the next.
    public var hop: Int { recipe.hop * model.framesPerToken }
}
