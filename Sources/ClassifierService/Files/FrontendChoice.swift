public import AudioFrontend
internal import FoundationEssentials
internal import StreamTransformer
internal import StrictDecoding

/// The front-end that a command line asks for.
public enum FrontendChoice {
    /// Exactly one of the three is given: a model, a recipe's name, or a JSON file.
    public static func recipe(model: String?, named name: String?, file: String?) throws -> LogMelRecipe {
        if let name {
            guard let recipe = LogMelRecipe.named[name] else {
                throw ServiceError(
                    .usage, code: "recipe",
                    "there is no recipe \"\(name)\"; there are \(LogMelRecipe.named.keys.sorted().joined(separator: ", "))"
                )
            }
            return recipe
        }
        if let file {
            guard let data = try? Data(contentsOf: URL(filePath: file)) else {
                throw ServiceError(.noInput, code: "not_found", "\(file): cannot be read")
            }
            do { return try JSONDecoder().decode(LogMelRecipe.self, from: data) } catch let error as DecodingError {
                throw ServiceError(.configuration, code: "recipe", "\(file): \(error.explanation)")
            }
        }
        guard let model else {
            throw ServiceError(.usage, code: "usage", "a model, a recipe or a front-end file is needed")
        }
        return try AudioModel(ModelCatalog().load(model)).recipe
    }
}
