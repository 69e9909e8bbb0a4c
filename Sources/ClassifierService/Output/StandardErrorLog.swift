internal import Glibc
public import Logging

/// Log messages on standard error, a line each: for people, or as JSON for machines.
public struct StandardErrorLog: LogHandler {
    public enum Format: String, Sendable, CaseIterable { case text, json }

    private let format: Format
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]

    public init(format: Format, level: Logger.Level) {
        self.format = format
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        switch format {
        case .text:
            let level = event.level >= .warning ? "\(event.level): " : ""
            let suffix = details.map { " \($0.key)=\($0.value)" }.joined()
            StandardError.write("audio-classifierd: \(level)\(event.message)\(suffix)\n")
        case .json:
            var line = JSONLine(type: "log")
            line.add("time", Double(time(nil)), decimals: 0)
            line.add("level", event.level.rawValue)
            line.add("message", event.message.description)
            for (key, value) in details { line.add(key, value.description) }
            StandardError.write(line.text + "\n")
        }
    }
}
