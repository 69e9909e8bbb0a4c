import ArgumentParser
import AudioClassifier
import Glibc

/// The names of the commands.
enum CommandNames {
    /// Finds the command that the first words name, and the number of these words.
    /// - Throws: ``ClassifierError`` `usage` for an unknown command, with the commands that may be meant.
    static func find(_ words: [String]) throws(ClassifierError) -> (command: any ParsableCommand.Type, words: Int) {
        var command: any ParsableCommand.Type = AudioClassifierd.self
        var count = words.first == "help" ? 1 : 0
        for word in words.dropFirst(count) {
            let subcommands = command.configuration.subcommands
            guard !word.hasPrefix("-"), !subcommands.isEmpty else { break }
            guard let found = subcommands.first(where: { $0._commandName == word }) else {
                let isFile = unsafe access(word, F_OK) == 0
                let advice = isFile ? "; to classify a file: audio-classifierd classify \(word)" : ""
                let names = subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
                throw ClassifierError(
                    .usage, code: "usage",
                    "there is no command \"\(word)\"\(Spelling.question(word, in: names)); there are "
                        + "\(names.joined(separator: ", "))\(advice)"
                )
            }
            command = found
            count += 1
        }
        return (command, count)
    }
}
