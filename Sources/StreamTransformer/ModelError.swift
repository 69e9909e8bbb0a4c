/// What is wrong with a model, its input or a snapshot, where, and what to do about it.
public struct ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// There is no such model.
        case notFound = "model_not_found"
        /// `config.json` does not describe a model.
        case configuration = "model_configuration"
        /// The weights are not the ones that `config.json` names.
        case hash = "model_hash"
        /// `model.safetensors` does not hold what the configuration asks for.
        case tensors = "model_tensors"
        /// The model does not reproduce its golden logits.
        case golden = "model_golden"
        /// A feature is not a finite number, or too large to be one of the model's.
        case nonFinite = "non_finite_feature"
        /// A snapshot belongs to another model, version or input.
        case snapshot
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
