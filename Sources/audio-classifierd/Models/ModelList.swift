import ArgumentParser
import AudioClassifier

struct ModelList: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the installed models, one a line.",
        discussion: """
            Examples:
              audio-classifierd models list
              audio-classifierd models list --names
            """)

    @Flag(help: "Print names alone.")
    var names = false

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = ProgramSettings.logging

    func run() throws {
        logging.start()
        let catalog = ModelCatalog()
        _ = try catalog.requireInstalled()
        try OutputSink().write(names ? catalog.names : ModelReport.list(catalog))
    }
}
