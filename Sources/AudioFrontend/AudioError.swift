/// A failure to read or convert audio: its kind, and a message for people.
public struct AudioError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The file does not exist, or cannot be opened.
        case notFound = "not_found"
        /// The bytes cannot be decoded as audio.
        case decode
        /// A sample is not a finite number.
        case sample = "non_finite_sample"
        /// The caller's description of the audio is impossible or contradicts the audio.
        case description
        /// The system failed to read.
        case read
        /// A front-end recipe is impossible.
        case recipe
    }

    public let code: Code
    /// A sentence or two: the position, the offending value, the next step.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
