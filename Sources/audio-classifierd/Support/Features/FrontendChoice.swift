internal import AudioClassifier
package import AudioFrontend
internal import FoundationEssentials
internal import StreamTransformer
internal import StrictCoding

/// The front-end that a command line asks for.
package enum FrontendChoice {
    /// Returns the recipe of a model, of a recipe's name, or of a JSON file. Exactly one of the three must be given.
    package static func recipe(model: String?, named name: String?, file: String?) throws -> LogMelRecipe {
        if let name {
            guard let recipe = LogMelRecipe.named[name] else {
                throw ClassifierError(
                    .usage, code: "recipe",
                    "there is no recipe \"\(name)\"\(Spelling.question(name, in: LogMelRecipe.named.keys)); there are "
                        + "\(LogMelRecipe.named.keys.sorted().joined(separator: ", "))"
                )
            }
            return recipe
        }
        if let file {
            guard let contents = ProgramArguments.file(file).contents else {
                throw ClassifierError(.noInput, code: "not_found", "\(file): cannot be read")
            }
            do { return try StrictJSON.decode(LogMelRecipe.self, from: contents) } catch let error
                as DecodingError
            {
                throw ClassifierError(.configuration, code: "recipe", "\(file): \(error.explanation())")
            }
        }
        guard let model else {
            throw ClassifierError(.usage, code: "usage", "a model, a recipe or a front-end file is needed")
        }
        return try AudioModel(ModelCatalog().load(model)).recipe
    }
}
