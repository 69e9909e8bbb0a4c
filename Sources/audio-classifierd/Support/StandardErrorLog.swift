internal import Glibc
package import Logging
internal import StrictCoding

/// Log messages on standard error, a line each: for people, or as JSON for machines.
package struct StandardErrorLog: LogHandler {
    package enum Format: String, Sendable, CaseIterable { case text, json }

    private let format: Format
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]

    package init(format: Format, level: Logger.Level) {
        self.format = format
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        switch format {
        case .text:
            let level = event.level >= .warning ? "\(event.level): " : ""
            let suffix = details.map { " \($0.key)=\($0.value)" }.joined()
            StandardError.write("audio-classifierd: \(level)\(event.message)\(suffix)\n")
        case .json:
            var line = JSONWriter(type: "log")
            line.add("time", Double(time(nil)), decimals: 0)
            line.add("level", event.level.rawValue)
            line.add("message", event.message.description)
            for (key, value) in details { line.add(key, value.description) }
            StandardError.write(line.text + "\n")
        }
    }
}
