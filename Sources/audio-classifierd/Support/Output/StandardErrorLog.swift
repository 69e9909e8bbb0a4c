internal import AudioClassifier
internal import Glibc
package import Logging
internal import StrictCoding
internal import Synchronization

/// Log messages on standard error, a line each: for people, or as JSON for machines.
package struct StandardErrorLog: LogHandler {
    package enum Format: String, Sendable, CaseIterable { case text, json }

    private struct Options {
        var format = Format.text
        var level = Logger.Level.notice
    }

    private static let options = Mutex(Options())

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]

    /// Starts the log before the command line is parsed, with the format that the words probably choose.
    package static func start(_ words: [String], _ environment: [String: String]) {
        let option = ProgramSettings.logFormat.option
        var text = environment[ProgramSettings.logFormat.variable]
        for (word, next) in zip(words, words.dropFirst() + [""]) {
            if word == option { text = next }
            if word.hasPrefix(option + "=") { text = String(word.dropFirst(option.count + 1)) }
        }
        options.withLock { $0.format = text.flatMap(Format.init(rawValue:)) ?? .text }
        LoggingSystem.bootstrap { _ in StandardErrorLog(logLevel: options.withLock(\.level)) }
    }

    /// Sets the format, and the level of loggers that are created later.
    package static func configure(format: Format, level: Logger.Level) {
        options.withLock { $0 = Options(format: format, level: level) }
    }

    /// Whether standard error is read by a program.
    package static var isJSON: Bool { options.withLock { $0.format == .json } }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        TerminalLine.clear()
        Self.write(event.level, event.message.description, details.map { ($0.key, $0.value.description) })
    }

    /// Writes a message, also while a write of the output is under way and holds the terminal.
    static func write(_ level: Logger.Level, _ message: String, _ details: [(key: String, value: String)] = []) {
        switch options.withLock(\.format) {
        case .text:
            let name = level >= .warning ? "\(level): " : ""
            let suffix = details.map { " \($0.key)=\($0.value)" }.joined()
            StandardError.write("audio-classifierd: \(name)\(message)\(suffix)\n")
        case .json:
            var line = JSONWriter(type: "log")
            line.add("time", Double(time(nil)), decimals: 0)
            line.add("level", level.rawValue)
            line.add("message", message)
            for (key, value) in details { line.add(key, value) }
            StandardError.write(line.text + "\n")
        }
    }
}
