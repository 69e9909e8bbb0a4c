import ArgumentParser
import AudioClassifier

/// The names of the commands.
enum CommandNames {
    /// The command that the first words name, as far as they do.
    /// - Throws: ``ClassifierError`` `usage` for a word in a command's place that is none, with the commands that may be meant.
    static func find(_ words: [String]) throws(ClassifierError) -> any ParsableCommand.Type {
        var command: any ParsableCommand.Type = AudioClassifierd.self
        let isHelp = words.first == "help"
        for word in words.dropFirst(isHelp ? 1 : 0) {
            let subcommands = command.configuration.subcommands
            guard !word.hasPrefix("-"), !subcommands.isEmpty else { break }
            guard let found = subcommands.first(where: { $0._commandName == word }) else {
                let names = subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
                throw ClassifierError(
                    .usage, code: "usage",
                    "there is no command \"\(word)\"\(Spelling.question(word, in: names)); there are \(names.joined(separator: ", "))"
                )
            }
            command = found
        }
        return command
    }
}
