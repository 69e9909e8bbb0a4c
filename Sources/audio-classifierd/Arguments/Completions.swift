import ArgumentParser
import AudioClassifier

/// Completions that only the running program knows: models, labels, keys.
enum Completions {
    /// Names of installed models.
    static let models = CompletionKind.custom { _, _, _ in ModelCatalog().names }

    /// Labels of the model that the command line or the environment names.
    static let labels = CompletionKind.custom { words, _, _ in
        var name = ModelCatalog.defaultName
        for (word, next) in zip(words, words.dropFirst()) where word == ModelSettings.model.option { name = next }
        for word in words where word.hasPrefix(ModelSettings.model.option + "=") {
            name = String(word.dropFirst(ModelSettings.model.option.count + 1))
        }
        let labels = (try? ModelReport.labels(name)) ?? []
        return CompletionShell.requesting == .bash ? labels.map(escapedForBash) : labels
    }

    /// Quotes a label for `compgen -W`, which interprets quotes, backslashes and dollar signs.
    private static func escapedForBash(_ label: String) -> String {
        label.map { "'\"\\$`".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    }

    /// Keys of the configuration, each with an equals sign.
    static let configurationKeys = CompletionKind.custom { _, _, _ in SettingTables.configurationKeys.map { "\($0)=" } }
}
