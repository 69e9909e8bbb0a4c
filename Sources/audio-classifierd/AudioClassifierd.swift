import ArgumentParser
import ClassifierService

@main
struct AudioClassifierd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audio-classifierd",
        abstract: "Listens and says what it hears, step by step.",
        discussion: """
            Examples:
              arecord -q -t raw -f S16_LE -r 16000 -c 1 | audio-classifierd run -
              audio-classifierd classify recordings/ --emit events
              audio-classifierd models list

            Results go to standard output, messages to standard error.
            """,
        version: Version.text,
        subcommands: [Run.self, Classify.self, Models.self, Features.self, Encode.self, Bench.self]
    )

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            CommandFailure.exit(error)
        }
    }
}
