import ArgumentParser
import AudioClassifier
import Glibc

@main
struct AudioClassifierd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audio-classifierd",
        abstract: "Listens and says what it hears, step by step.",
        discussion: """
            Examples:
              arecord -q -t raw -f S16_LE -r 16000 -c 1 | audio-classifierd run -
              audio-classifierd classify recordings/ --emit events
              audio-classifierd serve --config configs/serve.yaml
              audio-classifierd models list

            Results go to standard output, messages to standard error.
            """,
        version: Version.text,
        subcommands: [
            Run.self, Classify.self, Serve.self, Models.self, Features.self, Encode.self, Bench.self,
        ]
    )

    static func main() async {
        occupyStandardDescriptors()
        do {
            var command = try parseAsRoot()
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

    /// Where a standard descriptor is closed, the first file that is opened would get its number, and data would go there.
    /// In its place comes one on which reading and writing fail.
    private static func occupyStandardDescriptors() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = unsafe open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
