import ArgumentParser
import AudioClassifier

struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What is installed: labels, licence, accuracy, front-end, hashes.",
        discussion: """
            Examples:
              audio-classifierd models
              audio-classifierd models show keywords-en
              audio-classifierd models verify ./my-model
            """,
        subcommands: [List.self, Show.self, Verify.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every installed model, a line each.",
            discussion: """
                Examples:
                  audio-classifierd models list
                """)

        @OptionGroup(title: "Messages") var logging: LogArguments

        func run() throws {
            logging.start()
            let output = OutputSink()
            try output.write(ModelReport.list(ModelCatalog()))
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All about one model.",
            discussion: """
                Examples:
                  audio-classifierd models show keywords-en
                  audio-classifierd models show ./my-model
                """)

        @Argument(help: "A model's name or folder.") var name: String

        @OptionGroup(title: "Messages") var logging: LogArguments

        func run() throws {
            logging.start()
            try OutputSink().write(ModelReport.show(try ModelCatalog().load(name)))
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Check a model's hash, its tensors and its golden logits, on every instruction set of this machine.",
            discussion: """
                Examples:
                  audio-classifierd models verify
                  audio-classifierd models verify ./my-model
                """)

        @Argument(help: "A model's name or folder; without it, every installed model.") var name: String?

        @OptionGroup(title: "Messages") var logging: LogArguments

        func run() throws {
            logging.start()
            let catalog = ModelCatalog()
            let directories = try name.map { [try catalog.directory(of: $0)] } ?? catalog.installed
            let output = OutputSink()
            var failed = false
            for directory in directories {
                do { try output.write(try ModelReport.verify(directory)) } catch {
                    failed = true
                    CommandFailure.report(ClassifierError(error))
                }
            }
            if failed { throw ExitCode(ExitStatus.configuration.rawValue) }
        }
    }
}
