import ArgumentParser
import AudioClassifier

struct ModelLabels: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels",
        abstract: "List the labels of one model, one a line.",
        discussion: """
            Examples:
              audio-classifierd models labels keywords-en
            """)

    @Argument(help: "The model's name or folder.", completion: Completions.models)
    var name: String

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = ProgramSettings.logging

    func run() throws {
        logging.start()
        try OutputSink().write(ModelReport.labels(name))
    }
}
