public import ArgumentParser
public import AudioFrontend

extension SampleFormat: ExpressibleByArgument {}
extension InputOptions.Container: ExpressibleByArgument {}

extension ChannelSelection: ExpressibleByArgument {
    public init?(argument: String) {
        if argument == "mix" {
            self = .mix
        } else if let number = Int(argument), number >= 1 {
            self = .channel(number)
        } else {
            return nil
        }
    }

    public var defaultValueDescription: String { "mix" }
}

/// What the command line says about the audio.
struct InputArguments: ParsableArguments {
    @Option(help: "How the input is packed: by its first bytes, a WAV stream, or bare samples.")
    var inputFormat = InputOptions.Container.auto

    @Option(help: "Of bare samples. (default: s16le)")
    var sampleFormat: SampleFormat?

    @Option(help: ArgumentHelp("Of bare samples, in Hz. (default: the model's rate)", valueName: "hz"))
    var rate: Int?

    @Option(help: ArgumentHelp("Of bare samples. (default: 1)", valueName: "count"))
    var channels: Int?

    @Option(
        help: ArgumentHelp(
            "Listen to the mean of all channels (mix), or to one; the first is 1.", valueName: "mix|number"))
    var channel = ChannelSelection.mix

    func options(interrupt: Int32? = nil) -> InputOptions {
        var options = InputOptions()
        options.container = inputFormat
        options.sampleFormat = sampleFormat
        options.sampleRate = rate
        options.channels = channels
        options.selection = channel
        options.interrupt = interrupt
        return options
    }
}
