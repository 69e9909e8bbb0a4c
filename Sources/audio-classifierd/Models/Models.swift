import ArgumentParser
import AudioClassifier

struct Models: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, show and verify the installed models.",
        discussion: """
            Examples:
              audio-classifierd models
              audio-classifierd models show keywords-en
              audio-classifierd models labels keywords-en
              audio-classifierd models verify ./my-model
            """,
        subcommands: [ModelList.self, ModelShow.self, ModelLabels.self, ModelVerify.self],
        defaultSubcommand: ModelList.self)

    static let settings: [any SettingDescription] = ProgramSettings.logging
}
