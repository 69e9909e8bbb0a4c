import ArgumentParser
import AudioClassifier
import Glibc

struct Requests: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answer requests of another program through pipes: files, streams, features.",
        discussion: """
            One process answers any number of requests, so that nothing starts up for each file. A request is a line \
            of JSON on standard input, and the bytes that it announces follow it. Answers are lines of JSON on \
            standard output. docs/requests.md describes both; the options here are defaults of requests.

            Examples:
              echo '{"type":"classify","request":"1","path":"dog.wav"}' \\
                  | audio-classifierd requests
              echo '{"type":"describe","request":"1"}' | audio-classifierd requests \\
                  --model general
            """)

    @Option(ProgramSettings.threads) var threads: Int?

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] =
        [ProgramSettings.threads] + ModelArguments.settings + InputSettings.all + DecisionArguments.settings
        + ProgramSettings.logging

    func run() throws {
        logging.start()
        guard isatty(STDIN_FILENO) == 0 else {
            throw ClassifierError(
                .usage, code: "usage", "standard input is a terminal: another program writes requests to it")
        }
        let interrupt = StopSignal.install()
        var options = RequestOptions(model: modelArguments.model, precision: modelArguments.weights)
        options.topCount = decision.topK
        options.decision = decision.settings
        options.input = inputArguments.options(interrupt: interrupt)
        let service = RequestService(options, threads: threads ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        try service.run(RequestReader(descriptor: STDIN_FILENO, interrupt: interrupt))
    }
}
