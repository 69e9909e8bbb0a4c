import ArgumentParser
import AudioClassifier
import AudioFrontend
import Logging

/// The options that describe the audio.
struct InputArguments: ParsableArguments {
    @Option(InputSettings.format) var inputFormat: InputOptions.Container
    // The next three have no default: if none is set, the format is identified by the input's first bytes.
    @Option(InputSettings.sampleFormat) var sampleFormat: SampleFormat?
    @Option(InputSettings.rate) var rate: Int?
    @Option(InputSettings.channels) var channels: Int?
    @Option(InputSettings.channel) var channel: ChannelSelection

    func options(interrupt: Int32? = nil) -> InputOptions {
        var options = InputOptions()
        options.container = inputFormat
        options.sampleFormat = sampleFormat
        options.sampleRate = rate
        options.channels = channels
        options.selection = channel
        options.interrupt = interrupt
        let log = Logger(label: "audio-classifierd")
        options.inform = { log.info("\($0)") }
        options.warn = { log.warning("\($0)") }
        return options
    }
}
