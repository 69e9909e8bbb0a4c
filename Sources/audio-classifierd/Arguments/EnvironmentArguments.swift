import ArgumentParser
import AudioClassifier

/// Settings of the environment as arguments, for settings that the command line leaves out.
enum EnvironmentArguments {
    /// Adds an option for each variable that belongs to a setting of the command, unless the words set it.
    /// - Throws: ``ClassifierError`` `configuration` for an invalid value.
    static func add(
        to words: [String], _ environment: [String: String]
    ) throws(ClassifierError) -> [String] {
        let named = try CommandNames.find(words)
        guard words.first != "help", let command = named.command as? any SettableCommand.Type else { return words }
        let options = words.prefix { $0 != "--" }
        var added: [String] = []
        for setting in command.settings {
            let isGiven = options.contains { $0 == setting.option || $0.hasPrefix(setting.option + "=") }
            guard let value = environment[setting.variable], !value.isEmpty, !isGiven else { continue }
            if let refused = setting.refuses(value) {
                throw ClassifierError(
                    .configuration, code: "configuration",
                    "\(setting.variable) has \(refused); expected \(setting.expected)")
            }
            let values = setting.isRepeated ? SettingList.elements(value) ?? [] : [value]
            added += values.map { "\(setting.option)=\($0)" }
        }
        return words.prefix(named.words) + added + words.dropFirst(named.words)
    }
}
