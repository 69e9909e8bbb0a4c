import ArgumentParser
import AudioClassifier
import AudioFrontend
import ClassifierServer
import FoundationEssentials
import Glibc

@main
struct AudioClassifierd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audio-classifierd",
        abstract: "Classifies sound while it arrives: microphones, pipes and files.",
        discussion: """
            Examples:
              arecord -q -t raw -f S16_LE -r 16000 -c 1 | audio-classifierd run -
              audio-classifierd classify recordings/ --emit events
              audio-classifierd serve --config configs/serve.yaml
              audio-classifierd models list

            Results go to standard output, messages to standard error. Options can also be set by environment \
            variables: \
            --top-k by AUDIO_CLASSIFIERD_TOP_K. docs/configuration.md lists all settings.
            """,
        version: Version.text,
        subcommands: [
            Run.self, Classify.self, ReportCommand.self, Evaluate.self, Serve.self, Models.self, Features.self,
            Encode.self, Requests.self, Bench.self, Settings.self,
        ]
    )

    static func main() async {
        // First of all: a service manager may ask for a reload as soon as the process is there.
        if CommandLine.arguments.dropFirst().first == "serve" { EarlySignals.hold() }
        occupyStandardDescriptors()
        // A write beyond the largest size of a file (ulimit -f) then fails with an error instead of a signal.
        signal(SIGXFSZ, SIG_IGN)
        DecoderMessages.capture()
        do {
            let words = ProgramArguments.read()
            let environment = ProcessInfo.processInfo.environment
            StandardErrorLog.start(words, environment)
            var command = try parseAsRoot(arguments(words, environment))
            try KernelChoice.check()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            CommandFailure.exit(error)
        }
    }

    /// The words for the parser, with the settings of the environment and of a configuration.
    private static func arguments(_ words: [String], _ environment: [String: String]) throws -> [String] {
        // A shell calls the program with incomplete words to complete them.
        if words.first == "---completion" { return words }
        let given = try EnvironmentArguments.add(to: ProgramArguments.protectDashes(words), environment)
        return try ConfigurationArguments.add(to: given)
    }

    /// Opens a descriptor that refuses reads and writes in place of each closed standard descriptor. Otherwise the
    /// first opened file would get its number, and data would go there.
    private static func occupyStandardDescriptors() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = unsafe open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
