import ArgumentParser
import AudioClassifier
import Logging

/// The settings that only the command line has.
enum ProgramSettings {
    static let logLevel = Setting(
        "log_level", ValueKind<Logger.Level>.choice("level"), default: .notice, "The least important messages to show.")
    static let logFormat = Setting(
        "log_format", ValueKind<StandardErrorLog.Format>.choice("format"), default: .text,
        "Messages for people, or as JSON lines.")
    static let threads = Setting(
        "threads", .integer(1...4096), described: "the number of cores",
        "Files that are processed at the same time; classify divides long ones among idle cores.")
    static let scores = Setting(
        "scores", ValueKind<FeatureEncoding.Scores>.choice("scores"), default: .top,
        "The numbers in a line: the most probable labels, all logits, or all probabilities.")

    /// The kind of records, by default a summary, which suits most recordings.
    static let emit = ReportSettings.emit.with(default: nil, described: "summary; events with a format of labels")
    /// The kind of records of a live stream.
    static let liveEmit = ReportSettings.emit.with(default: nil, described: "frames; events with a format of labels")
    static let fileSourceName = ReportSettings.sourceName.with(default: nil, described: "each file's path")
    static let window = Setting(
        "window", .number(0.1...86_400, "seconds", unit: "s"), described: "the whole recording",
        "Divide a summary into windows of this duration.")
    static let startTimeFrom = Setting(
        "start_time_from", ValueKind<RecordingTime>.choice("source"), described: "no absolute times",
        "Add absolute times, from the date in a file's name, its last change (the end of the recording), or its bext "
            + "chunk.")
    static let featureSourceName = ReportSettings.sourceName.with(default: "features")

    static let followsLinks = Setting(
        "follow_links", .flag, default: false, "Search folders that links in a folder lead to, each once.")
    static let includesHidden = Setting(
        "hidden", .flag, default: false, "Also take files and folders whose names begin with a dot.")
    static let recipe = Setting(
        "recipe", .text("recipe", expected: "a published front-end's name"), described: "the model's front-end",
        "A published front-end in place of the model's.")
    static let stage = Setting(
        "stage", ValueKind<FeatureStage>.choice("stage"), default: .features,
        "Frames x bands, or the mono samples at the front-end's rate.")

    static let logging: [any SettingDescription] = [logLevel, logFormat]
}

/// The settings of `evaluate`.
enum EvaluationSettings {
    static let collar = Setting(
        "collar_ms", .number(0...60_000, "ms", unit: "ms"), default: 200,
        "The largest error of an event's beginning, and of its end.")
    static let segment = Setting(
        "segment", .number(0.01...86_400, "seconds", unit: "s"), default: 1,
        "The duration of segments in segment-based measures.")
    static let falseEvents = Setting(
        "false_events_per_hour", .number(0...1_000_000, "count"), described: "no choice of thresholds",
        "Choose each label's threshold so that it has at most so many false events an hour.")

    static let all: [any SettingDescription] = [collar, segment, falseEvents]
}

/// The settings of `bench`.
enum BenchSettings {
    static let layers = Setting(
        "layers", .integer(1...64), described: "1, or the model's", isRepeated: true, "Encoder layers.")
    static let windows = Setting(
        "window", .integer(8...1_000_000, "tokens", unit: "tokens"), described: "120, 480, 1920, 12000",
        isRepeated: true, "Tokens that attention looks back on.")
    static let streams = Setting(
        "streams", .integer(1...4096), default: 1, "Streams that step together; times are then of one of them.")
}

/// A command whose options can come from the environment, too.
protocol SettableCommand: ParsableCommand {
    /// The settings that the environment may set, in the order of the help.
    static var settings: [any SettingDescription] { get }
}
