public import AudioFrontend
public import StreamTransformer

/// An error of this library, or of one that it builds on.
public struct ClassifierError: Error, Sendable, CustomStringConvertible {
    /// Kinds of errors, for which the program has an exit code each.
    public enum Kind: Sendable, CaseIterable {
        /// An argument is wrong, or arguments contradict each other.
        case usage
        /// An input has wrong contents.
        case data
        /// An input cannot be opened.
        case noInput
        /// A required service does not answer, or has no room.
        case unavailable
        /// A fault of this program.
        case software
        /// Reading or writing failed.
        case inputOutput
        /// A model or a configuration is wrong.
        case configuration
    }

    /// Kind of the error.
    public let kind: Kind
    /// Machine-readable code, as in `{"type":"error","code":...}`.
    public let code: String
    /// Place, offending value and next step, in words.
    public let message: String

    public init(_ kind: Kind, code: String, _ message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }

    /// The message with thresholds named as settings of a configuration or a request are, not as options.
    package var messageForSettings: String {
        message.replacing("--threshold-off", with: "threshold_off").replacing("--threshold", with: "threshold")
    }

    /// Makes one of an error of the front-end.
    public init(_ error: AudioError) {
        let kind: Kind =
            switch error.code {
            case .notFound: .noInput
            case .decode, .sample: .data
            case .description: .usage
            case .read: .inputOutput
            case .recipe: .configuration
            }
        self.init(kind, code: error.code.rawValue, error.message)
    }

    /// Makes one of an error of the network.
    public init(_ error: ModelError) {
        self.init(
            error.code == .nonFinite || error.code == .snapshot ? .data : .configuration, code: error.code.rawValue,
            error.message)
    }

    /// Makes one of any error; an error that is not of this project is a fault of this program.
    public init(_ error: any Error) {
        switch error {
        case let error as ClassifierError: self = error
        case let error as AudioError: self.init(error)
        case let error as ModelError: self.init(error)
        default: self.init(.software, code: "internal", "\(error)")
        }
    }

    public var description: String { message }
}
