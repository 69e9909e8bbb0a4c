package import AudioFrontend
package import StreamTransformer

/// The audio that comes in.
package enum InputSettings {
    package static let format = Setting(
        "input_format", ValueKind<InputOptions.Container>.choice("format"), default: .auto,
        "How the input is packed: recognised by its first bytes, a WAV stream, or raw PCM.")
    package static let sampleFormat = Setting(
        "sample_format", .sampleFormat, default: .s16le,
        "The sample format of raw PCM; ALSA's names work too, as S24_LE for 24 bits in 4 bytes.")
    package static let rate = Setting(
        "rate", .integer(1000...768_000, "hz", unit: "Hz"), described: "the model's rate",
        "The sample rate of raw PCM.")
    package static let channels = Setting(
        "channels", .integer(1...256), default: 1, "The number of channels of raw PCM.")
    package static let channel = Setting(
        "channel", .channel, default: .mix, "Classify the mean of all channels, or one channel; the first is 1.")

    package static let all: [any SettingDescription] = [format, sampleFormat, rate, channels, channel]
}

/// The records that go out.
package enum ReportSettings {
    package static let emit = Setting(
        "emit", ValueKind<ReportMode>.choice("records"), default: .frames,
        "Report every prediction, changes of the first label, events, or one summary at the end.")
    package static let every = Setting(
        "every", .integer(1...1_000_000_000), default: 1, "With frames, report only every so many-th prediction.")
    package static let topCount = Setting(
        "top_k", .integer(1...1_000_000), default: 3, "Number of labels in a frame or a summary.")
    package static let format = Setting(
        "format", ValueKind<OutputFormat>.choice("format"), default: .jsonl,
        "The format of the output: JSON lines, a table, or labels for another program.")
    package static let sourceName = Setting(
        "source_name", .text("name"), default: "audio", "The stream's name in its records; a summary has the file's.")
}

/// The model that listens.
package enum ModelSettings {
    package static let model = Setting(
        "model", .text("model", expected: "a model's name or folder"), default: "general",
        "The model; the command models list lists them.")
    package static let weights = Setting(
        "weights", ValueKind<WeightPrecision>.choice("precision"), default: .float32,
        "The precision of the model's matrices; f16 and int8 are faster and less exact (docs/performance.md).")
}

extension ValueKind<ChannelSelection> {
    package static let channel = ValueKind(
        placeholder: "mix|number", expected: "mix, or a whole number from 1 to 256",
        show: { if case .channel(let number) = $0 { "\(number)" } else { "\"mix\"" } },
        parse: { text in
            text == "mix" ? .mix : Int(text).flatMap { (1...256).contains($0) ? .channel($0) : nil }
        })
}
