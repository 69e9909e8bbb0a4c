import ArgumentParser

/// Prints the tables of the documentation.
struct Settings: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a table of settings as Markdown, as the documentation has it.",
        discussion: """
            Examples:
              audio-classifierd settings options
              audio-classifierd settings configuration
              audio-classifierd settings query
            """,
        shouldDisplay: false)

    @Argument(help: "Options of the commands, keys of serve's configuration, or parameters of its requests.")
    var table: SettingTables.Table

    @OptionGroup(title: "Messages") var logging: LogArguments

    func run() throws {
        logging.start()
        try OutputSink().write(table.lines)
    }
}

extension SettingTables.Table: ExpressibleByArgument {}
