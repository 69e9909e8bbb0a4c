import AudioClassifier
import ClassifierServer

/// The model and the decisions of a configuration of `serve` (`--config`) as arguments, for settings that neither the
/// command line nor the environment sets.
enum ConfigurationArguments {
    static let option = "--config"

    /// Adds an option for each value of the file that the words name.
    /// - Parameter words: with the settings of the environment.
    /// - Throws: ``ClassifierError`` `configuration` with the file's line, or `usage` for a name outside UTF-8.
    static func add(to words: [String]) throws(ClassifierError) -> [String] {
        let named = try CommandNames.find(words)
        guard words.first != "help", let command = named.command as? any SettableCommand.Type,
            command.settings.contains(where: { $0.option == DecisionSettings.padding.option }),
            let file = try ProgramArguments.text(file(words), of: option)
        else { return words }
        let decisions = try ConfiguredDecisions(file: file)
        var added: [String] = []
        for (setting, values) in decisions.values where !EnvironmentArguments.isGiven(setting, words) {
            added += values.map { "\(setting.option)=\($0)" }
        }
        return words.prefix(named.words) + added + words.dropFirst(named.words)
    }

    /// Returns the file that the words name: the last one, as the parser takes it.
    private static func file(_ words: [String]) -> String? {
        let options = words.prefix { $0 != "--" }
        var found: String?
        for (index, word) in options.enumerated() {
            if word == option, options.indices.contains(index + 1) { found = options[index + 1] }
            if word.hasPrefix(option + "=") { found = String(word.dropFirst(option.count + 1)) }
        }
        return found
    }
}
