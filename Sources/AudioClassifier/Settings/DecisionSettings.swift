/// When a probability becomes an event, and which labels count.
package enum DecisionSettings {
    private static let milliseconds = ValueKind.integer(0...3_600_000, "ms", unit: "ms")
    private static let ofModel = "the model's"

    package static let threshold = Setting(
        "threshold", .probability, described: ofModel,
        "An event starts at this probability. It takes the place of the model's thresholds of single labels, and of "
            + "the model's min_rise_db, too.")
    package static let thresholdOff = Setting(
        "threshold_off", .probability, described: ofModel, "An event ends below this probability.")
    package static let classThreshold = Setting(
        "class_threshold", .classThreshold, isRepeated: true, configurationKey: "class_thresholds",
        "The threshold of one label. It leaves min_rise_db as it is.")
    package static let allow = Setting(
        "allow", .text("label", expected: "a label of the model"), described: "all labels", isRepeated: true,
        "Report only this label.")
    package static let deny = Setting(
        "deny", .text("label", expected: "a label of the model"), isRepeated: true, "Do not report this label.")
    package static let labels = Setting(
        "labels", ValueKind<LabelChoice>.choice("labels"), default: .leaf,
        "Whether a list begins with the most specific labels, or has all labels by their probabilities alone.")
    package static let minimumDuration = Setting(
        "min_duration_ms", milliseconds, described: ofModel, "Shorter events are ignored.")
    package static let maximumGap = Setting(
        "max_gap_ms", milliseconds, described: ofModel,
        "Events of one label with at most this gap between them are one event.")
    package static let refractoryTime = Setting(
        "refractory_ms", milliseconds, described: ofModel,
        "After an event, its label cannot start another one for this time.")
    package static let padding = Setting(
        "pad_ms", milliseconds, default: 0, "Events begin earlier and end later by this time.")
    package static let minimumLevel = Setting(
        "min_dbfs", .number(-200...0, "dBFS", unit: "dBFS"), default: -120,
        "No event starts in sound below this level.")

    package static let minimumRise = Setting(
        "min_rise_db", .number(0...120, "dB", unit: "dB"), described: ofModel,
        "Where the level has not risen by this much from one half second to the next, an event must reach the model's "
            + "steady_threshold (0.92 of keywords-en; 1, if it has none); 0 asks for no rise.")

    package static let all: [any SettingDescription] = [
        threshold, thresholdOff, classThreshold, allow, deny, labels, minimumDuration, maximumGap, refractoryTime,
        padding, minimumLevel, minimumRise,
    ]
}
