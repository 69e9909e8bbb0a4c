public import ArgumentParser
internal import AudioClassifier
public import Logging

extension StandardErrorLog.Format: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}

struct LogArguments: ParsableArguments {
    @Option(help: "The least important messages to show.")
    var logLevel = Logger.Level.notice

    @Option(help: "Messages for people, or as JSON lines.")
    var logFormat = StandardErrorLog.Format.text

    /// Every command calls this first.
    func start() {
        let (format, level) = (logFormat, logLevel)
        LoggingSystem.bootstrap { _ in StandardErrorLog(format: format, level: level) }
    }
}
