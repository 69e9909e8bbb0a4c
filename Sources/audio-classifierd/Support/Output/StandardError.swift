internal import AudioClassifier
internal import Glibc

/// Messages for people; standard output carries data only.
package enum StandardError {
    /// Writes the text. A failure is ignored, because it could not be reported.
    package static func write(_ text: String) { try? writeAll(text, to: STDERR_FILENO) }

    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
