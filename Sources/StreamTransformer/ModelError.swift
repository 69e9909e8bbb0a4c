/// An error in a model, its input or a snapshot. The message names the place, the value and the next step.
public struct ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The model does not exist.
        case notFound = "model_not_found"
        /// `config.json` does not describe a model.
        case configuration = "model_configuration"
        /// The weights are not those that `config.json` names.
        case hash = "model_hash"
        /// `model.safetensors` does not hold the tensors of the configuration.
        case tensors = "model_tensors"
        /// The model does not reproduce its golden logits.
        case golden = "model_golden"
        /// A feature is not finite, or larger than 10^6.
        case nonFinite = "non_finite_feature"
        /// The model, or the state from which its stream was resumed, gives a logit that is not finite.
        case nonFiniteLogits = "non_finite_logits"
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
