import ArgumentParser
import AudioClassifier
import Logging

/// The options for messages.
struct LogArguments: ParsableArguments {
    @Option(ProgramSettings.logLevel) var logLevel: Logger.Level
    @Option(ProgramSettings.logFormat) var logFormat: StandardErrorLog.Format

    /// Applies the options; every command calls this first.
    func start() {
        StandardErrorLog.configure(format: logFormat, level: logLevel)
        guard let folder = ModelCatalog.missingFolder else { return }
        Logger(label: "audio-classifierd").warning(
            "AUDIO_CLASSIFIERD_MODELS is \(folder), which is no folder that can be read; models are searched elsewhere")
    }
}
