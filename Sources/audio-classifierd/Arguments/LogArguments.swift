import ArgumentParser
import AudioClassifier
import FoundationEssentials
import Logging

/// The options for messages.
struct LogArguments: ParsableArguments {
    @Option(ProgramSettings.logLevel) var logLevel: Logger.Level
    @Option(ProgramSettings.logFormat) var logFormat: StandardErrorLog.Format

    /// Applies the options; every command calls this first.
    func start() {
        StandardErrorLog.configure(format: logFormat, level: logLevel)
        let log = Logger(label: "audio-classifierd")
        for warning in EnvironmentArguments.warnings(ProcessInfo.processInfo.environment) { log.warning("\(warning)") }
        guard let folder = ModelCatalog.missingFolder else { return }
        log.warning(
            "AUDIO_CLASSIFIERD_MODELS is \(folder), which is no folder that can be read; models are searched elsewhere")
    }
}
