import ArgumentParser
import AudioClassifier

struct ModelShow: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show everything about one model.",
        discussion: """
            Examples:
              audio-classifierd models show keywords-en
              audio-classifierd models show ./my-model
            """)

    @Argument(help: "The model's name or folder.", completion: Completions.models)
    var name: String

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = ProgramSettings.logging

    func run() throws {
        logging.start()
        try OutputSink().write(ModelReport.show(try ModelCatalog().load(name)))
    }
}
