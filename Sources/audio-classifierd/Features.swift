import ArgumentParser
import AudioClassifier
import AudioFrontend
import Logging

struct Features: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the log-mel frames that a model sees, as a NumPy array.",
        usage: """
            audio-classifierd features <input> --out <out> (--model <model> | --recipe <recipe> | --frontend <file>) \
            [<options>]
            audio-classifierd features --print-recipes
            """,
        discussion: """
            Training takes its features from here, so that they are those of the running program, bit for bit.

            Examples:
              audio-classifierd features dog.wav --recipe yamnet --out dog.npy
              audio-classifierd features recordings/ --model keywords-en --out features/
              audio-classifierd features recordings/ --stage samples --recipe yamnet \\
                  --out samples/
              audio-classifierd features --print-recipes
            """)

    @Argument(help: "An audio file, a folder of them, or - for standard input.", completion: .file())
    var input: String?

    @Option(
        help: "The .npy file to write (required); for a folder, the folder for one .npy a file.", completion: .file())
    var out: String?

    @Option(help: "Take the front-end of this model (a name or a folder).", completion: Completions.models)
    var model: String?

    @Option(
        help: "Take a published front-end: \(LogMelRecipe.named.keys.sorted().joined(separator: ", ")).",
        completion: .list(LogMelRecipe.named.keys.sorted()))
    var recipe: String?

    @Option(
        help: "Take the front-end from this JSON file, as in a model's config.json.",
        completion: .file(extensions: ["json"]))
    var frontend: String?

    @Option(help: "What to write: frames x bands, or the mono samples at the front-end's rate.")
    var stage = FeatureStage.features

    @Flag(help: "Print the published front-ends as JSON, each with all of its values, and end.")
    var printRecipes = false

    @OptionGroup(title: "Input") var arguments: InputArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = InputSettings.all + ProgramSettings.logging

    func validate() throws {
        guard !printRecipes else { return }
        let missing = [input == nil ? "'<input>'" : nil, out == nil ? "'--out <out>'" : nil].compactMap(\.self)
        let frontends = [model, recipe, frontend].compactMap(\.self).count
        let faults = [
            missing.isEmpty ? nil : "Missing expected \(missing.joined(separator: " and ")).",
            frontends == 1 ? nil : "Give exactly one of --model, --recipe and --frontend.",
        ].compactMap(\.self)
        guard faults.isEmpty else { throw ValidationError(faults.joined(separator: " ")) }
    }

    func run() throws {
        logging.start()
        guard !printRecipes else { return try OutputSink().write([LogMelRecipe.namedAsJSON]) }
        guard let input = input.map(ProgramArguments.file), let out = out.map(ProgramArguments.file) else { return }
        try ProgramArguments.refuseTerminal(input)
        let frontend = try FrontendChoice.recipe(model: model, named: recipe, file: frontend)
        let job = FeatureExtraction(
            recipe: frontend, samplesOnly: stage == .samples,
            options: arguments.options(interrupt: StopSignal.install()))
        guard input.isFolder else {
            guard !out.isStandardInput else {
                throw ClassifierError(.usage, code: "usage", "--out - : features go to a file; name one")
            }
            try OutputFiles.refuse(out, over: input, option: "--out")
            try OutputFiles.checkWritable(out, option: "--out")
            return try job.run(input, out: out)
        }
        let log = Logger(label: "audio-classifierd")
        let failures = try job.run(
            folder: input, out: out, warn: { log.warning("\($0)") }, progress: Progress.ifTerminal("features"))
        failures.forEach(CommandFailure.report)
        if !failures.isEmpty { throw ExitCode(ExitStatus.data.rawValue) }
    }
}

extension FeatureStage: ExpressibleByArgument {}
