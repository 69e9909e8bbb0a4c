import ArgumentParser
import AudioClassifier

struct ModelVerify: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a model's hash, tensors and golden logits on every instruction set of this machine.",
        discussion: """
            Examples:
              audio-classifierd models verify
              audio-classifierd models verify ./my-model
            """)

    @Argument(help: "A model's name or folder; without it, all installed models.", completion: Completions.models)
    var name: String?

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = ProgramSettings.logging

    func run() throws {
        logging.start()
        let catalog = ModelCatalog()
        let directories = try name.map { [try catalog.directory(of: $0)] } ?? catalog.requireInstalled()
        let output = OutputSink()
        var failed = false
        for directory in directories {
            let lines: [String]
            do { lines = try ModelReport.verify(directory) } catch {
                failed = true
                CommandFailure.report(ClassifierError(error))
                continue
            }
            try output.write(lines)
        }
        if failed { throw ExitCode(ExitStatus.configuration.rawValue) }
    }
}
