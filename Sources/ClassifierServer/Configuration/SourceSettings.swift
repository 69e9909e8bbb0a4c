internal import AudioClassifier
internal import StrictCoding

/// The settings of a source, besides those of a stream.
enum SourceSettings {
    /// The position from which an existing file is read.
    enum Start: String, Sendable, CaseIterable { case start, end }

    /// All sources: a list of sections.
    static let list = Setting(
        "sources",
        ValueKind<String>(
            placeholder: "list", expected: "a list of sources, each with the settings below", show: { $0 },
            parse: { $0 }),
        described: "[]", "Audio that the service fetches itself; each source is a stream.")

    static let name = Setting("name", .text("name", expected: ValueKind.streamName.expected), "The stream's name.")
    static let command = Setting(
        "command", .text("word"), isRepeated: true,
        "Program and arguments whose standard output is the audio, raw PCM or WAV; no shell is in between.")
    static let file = Setting(
        "follow", .text("file", expected: "a file's path"), "File that grows, in place of a command.")
    static let start = Setting(
        "from", ValueKind<Start>.choice(), default: .end,
        "Where a file that exists already is read from; with state.folder it goes on where it was.")

    static let all: [any SettingDescription] = [
        name, command, file, start, ModelSettings.model.with(default: nil, described: "the service's"),
        InputSettings.sampleFormat.with(default: nil, described: "that of streams"),
        InputSettings.rate.with(default: nil, described: "that of streams"),
        InputSettings.channels.with(default: nil, described: "that of streams"), InputSettings.channel,
    ]
}
