/// One setting, described once for all places where it can be set: options, queries, configuration files, the
/// environment.
package struct Setting<Value: Sendable>: SettingDescription {
    package let name: String
    package let kind: ValueKind<Value>
    /// The value where nothing sets another one; nil where there is none, or where it depends on the model.
    package let fallback: Value?
    package let fallbackText: String
    package let help: String
    package let isRepeated: Bool
    package let isSecret: Bool
    package let configurationKey: String

    /// - Parameters:
    ///   - fallback: the default as a value.
    ///   - fallbackText: the default in words, where it is no value.
    ///   - configurationKey: the key in a configuration file, where it is not the name.
    package init(
        _ name: String, _ kind: ValueKind<Value>, default fallback: Value? = nil, described fallbackText: String? = nil,
        isRepeated: Bool = false, isSecret: Bool = false, configurationKey: String? = nil, _ help: String
    ) {
        self.name = name
        self.kind = kind
        self.fallback = fallback
        self.fallbackText = fallbackText ?? fallback.map { Self.plain(kind.show($0)) } ?? ""
        self.help = help
        self.isRepeated = isRepeated
        self.isSecret = isSecret
        self.configurationKey = configurationKey ?? name
    }

    /// The setting with another default.
    package func with(default fallback: Value?, described fallbackText: String? = nil) -> Setting {
        Setting(
            name, kind, default: fallback, described: fallbackText, isRepeated: isRepeated, isSecret: isSecret,
            configurationKey: configurationKey, help)
    }

    /// A YAML value as prose has it: a text without quotes, a whole number without a fraction.
    private static func plain(_ shown: String) -> String {
        if shown.hasSuffix(".0") { return String(shown.dropLast(2)) }
        return shown.count > 1 && shown.hasPrefix("\"") && shown.hasSuffix("\"")
            ? String(shown.dropFirst().dropLast()) : shown
    }

    package var placeholder: String { kind.placeholder }
    package var expected: String { kind.expected }
    package var words: [String] { kind.words }

    package func refuses(_ text: String) -> String? {
        let texts = isRepeated ? SettingList.elements(text) : [text]
        guard let texts else { return "\"\(text)\" is no JSON array of texts" }
        return texts.first { kind.parse($0) == nil }.map { "\"\($0)\"" }
    }
}

/// A setting without the type of its value.
package protocol SettingDescription: Sendable {
    /// In snake case. An option has it in kebab case.
    var name: String { get }
    var placeholder: String { get }
    /// The allowed values in words.
    var expected: String { get }
    /// All values, where they can be listed.
    var words: [String] { get }
    /// The default in words; empty for none.
    var fallbackText: String { get }
    /// One sentence.
    var help: String { get }
    /// Whether it may be given several times, each adding a value.
    var isRepeated: Bool { get }
    /// Whether the value must not be printed.
    var isSecret: Bool { get }
    /// The key in a configuration file.
    var configurationKey: String { get }
    /// The part of a text that is no value; nil for a good text. A repeated setting takes a list.
    func refuses(_ text: String) -> String?
}

extension SettingDescription {
    package var option: String { "--" + name.replacing("_", with: "-") }

    /// The environment variable of the option.
    package var variable: String { SettingVariable.name(name) }

    /// The help of the option: the sentence, the values, the default.
    package var optionHelp: String {
        var notes = [expected]
        if isRepeated { notes.append("may be repeated") }
        if !fallbackText.isEmpty { notes.append("default: \(fallbackText)") }
        return "\(help) (\(notes.joined(separator: "; ")))"
    }
}

/// The environment variables that settings come from.
package enum SettingVariable {
    package static let prefix = "AUDIO_CLASSIFIERD_"
    /// The folder of models, promised before `serve` had a setting `models`.
    package static let modelFolder = "AUDIO_CLASSIFIERD_MODELS"
    /// The instruction set of the kernels.
    package static let kernels = "AUDIO_CLASSIFIERD_KERNELS"

    /// The variable of a setting: `limits.streams` is `AUDIO_CLASSIFIERD_LIMITS_STREAMS`. The setting `models` of
    /// `serve` is `AUDIO_CLASSIFIERD_SERVE_MODELS`, because ``modelFolder`` is the folder.
    package static func name(_ path: String) -> String {
        let variable = prefix + String(path.uppercased().map { $0 == "." || $0 == "-" ? "_" : $0 })
        return variable == modelFolder ? prefix + "SERVE_MODELS" : variable
    }
}
