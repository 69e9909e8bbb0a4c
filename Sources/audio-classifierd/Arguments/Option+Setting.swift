import ArgumentParser
import AudioClassifier

/// Options whose name, help, range and parsing come from the table of settings.
extension Option where Value: Sendable {
    /// An option with a default.
    init(_ setting: Setting<Value>, parsing: SingleValueParsingStrategy = .next, completion: CompletionKind? = nil) {
        guard let fallback = setting.fallback else { preconditionFailure("\(setting.name) has no default") }
        self.init(
            wrappedValue: fallback, name: .customLong(setting.longName), parsing: parsing, help: setting.argumentHelp,
            completion: completion ?? setting.completion, transform: { try setting.argument($0) })
    }

    /// An option that may be left out.
    init<Parsed>(_ setting: Setting<Parsed>, completion: CompletionKind? = nil) where Value == Parsed? {
        self.init(
            name: .customLong(setting.longName), help: setting.argumentHelp,
            completion: completion ?? setting.completion, transform: { try setting.argument($0) })
    }

    /// An option that may be repeated.
    init<Parsed>(_ setting: Setting<Parsed>, completion: CompletionKind? = nil) where Value == [Parsed] {
        self.init(
            wrappedValue: [], name: .customLong(setting.longName), help: setting.argumentHelp,
            completion: completion ?? setting.completion, transform: { try setting.argument($0) })
    }
}

extension SettingDescription {
    fileprivate var longName: String { String(option.dropFirst(2)) }

    fileprivate var argumentHelp: ArgumentHelp { ArgumentHelp(stringLiteral: optionHelp).named(placeholder) }

    fileprivate var completion: CompletionKind? { words.isEmpty ? nil : .list(words) }
}

extension ArgumentHelp {
    fileprivate func named(_ valueName: String) -> ArgumentHelp {
        var help = self
        help.valueName = valueName
        return help
    }
}

extension Setting {
    /// - Throws: the expected values of the table, which the parser prints after the option and the value.
    fileprivate func argument(_ text: String) throws -> Value {
        guard let value = kind.parse(text) else { throw ValidationError("expected \(expected)") }
        return value
    }
}
