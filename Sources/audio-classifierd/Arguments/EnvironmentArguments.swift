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
        var added: [String] = []
        for setting in command.settings {
            guard let value = environment[setting.variable], !value.isEmpty, !isGiven(setting, words) else { continue }
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

    /// Returns whether the words have the option of a setting.
    static func isGiven(_ setting: any SettingDescription, _ words: [String]) -> Bool {
        words.prefix { $0 != "--" }.contains { $0 == setting.option || $0.hasPrefix(setting.option + "=") }
    }

    /// Returns a sentence for each variable with the settings' prefix that belongs to no setting of any command.
    static func warnings(_ environment: [String: String]) -> [String] {
        let known = SettingTables.optionVariables.union(SettingTables.configurationKeys.map(SettingVariable.name))
            .union([SettingVariable.modelFolder, SettingVariable.kernels])
        func name(_ variable: String) -> String { String(variable.dropFirst(SettingVariable.prefix.count)) }
        return environment.keys.sorted().filter { $0.hasPrefix(SettingVariable.prefix) && !known.contains($0) }.map {
            let near = Spelling.nearest(to: name($0), in: known.map(name)).map { SettingVariable.prefix + $0 }
            return "\($0) is not a setting; docs/configuration.md lists them"
                + (near.isEmpty ? "" : " (did you mean \(near.joined(separator: " or "))?)")
        }
    }
}
