public import AudioFrontend
public import StreamTransformer

/// The exit statuses of `sysexits.h` that the commands use.
public enum ExitStatus: Int32, Sendable {
    case done = 0
    /// The command line is wrong.
    case usage = 64
    /// Some input is not what it should be; other inputs are done.
    case data = 65
    /// An input cannot be opened.
    case noInput = 66
    case unavailable = 69
    /// A fault of this program.
    case software = 70
    /// Reading or writing failed.
    case inputOutput = 74
    /// A model or a configuration is wrong.
    case configuration = 78
}

/// An error that ends a command, with its exit status.
public struct ServiceError: Error, Sendable, CustomStringConvertible {
    public let status: ExitStatus
    /// A machine-readable word, as in `{"type":"error","code":...}`.
    public let code: String
    public let message: String

    public init(_ status: ExitStatus, code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    public init(_ error: AudioError) {
        let status: ExitStatus =
            switch error.code {
            case .notFound: .noInput
            case .decode, .sample: .data
            case .description: .usage
            case .read: .inputOutput
            case .recipe: .configuration
            }
        self.init(status, code: error.code.rawValue, error.message)
    }

    public init(_ error: ModelError) {
        self.init(
            error.code == .nonFinite || error.code == .snapshot ? .data : .configuration, code: error.code.rawValue,
            error.message)
    }

    /// Any error of the project's own kinds; another one is a fault of this program.
    public init(_ error: any Error) {
        switch error {
        case let error as ServiceError: self = error
        case let error as AudioError: self.init(error)
        case let error as ModelError: self.init(error)
        default: self.init(.software, code: "internal", "\(error)")
        }
    }

    public var description: String { message }
}
