import ArgumentParser
import AudioClassifier
import AudioFrontend
import Glibc
import StreamTransformer

struct Encode: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send any feature stream, audio or not, through a model's encoder.",
        discussion: """
            Features come from a NumPy array, or line by line from standard input: the numbers of a frame between \
            spaces or commas. Logits go to a NumPy array, or scores to standard output: a JSON line a prediction, as \
            soon as it is made. An array of streams x frames x features has many streams, each with an empty history; \
            their logits are streams x tokens x labels. docs/feature-streams.md shows an example.

            Examples:
              audio-classifierd encode --model keywords-en --features dog.npy \\
                  --out logits.npy
              audio-classifierd encode --model keywords-en --features dog.npy \\
                  --scores probabilities
              camera-features | audio-classifierd encode --model actions --features -
            """)

    @Option(help: "The model's name or folder.", completion: Completions.models)
    var model: String

    @Option(ModelSettings.weights) var weights: WeightPrecision

    @Option(
        help: "A NumPy array of (streams x) frames x features, float32 or float64; or - for lines of standard input.",
        completion: .file(extensions: ["npy"]))
    var features: String

    @Option(
        help: "The .npy file to write: (streams x) tokens x labels, float32 logits; or - for lines on standard output.",
        completion: .file(extensions: ["npy"]))
    var out = "-"

    @Option(ProgramSettings.scores) var scores: FeatureEncoding.Scores
    @Option(ReportSettings.topCount) var topK: Int
    @Option(ProgramSettings.featureSourceName) var sourceName: String

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] =
        [
            ModelSettings.weights, ProgramSettings.scores, ReportSettings.topCount, ProgramSettings.featureSourceName,
        ] + ProgramSettings.logging

    func validate() throws {
        guard out == "-" || scores == .top || scores == .logits else {
            throw ValidationError("--scores \(scores.rawValue) is for lines; an array (--out) has logits.")
        }
    }

    func run() throws {
        logging.start()
        let (input, target) = (ProgramArguments.file(features), ProgramArguments.file(out))
        let isLive = input.isStandardInput
        if isLive, isatty(STDIN_FILENO) != 0 {
            throw ClassifierError(
                .usage, code: "usage",
                "standard input is a terminal: pipe features into it, a frame a line, or name a file")
        }
        try OutputFiles.refuse(target, over: input, option: "--out")
        if out != "-" { try OutputFiles.checkWritable(target, option: "--out") }
        let interrupt = isLive ? StopSignal.install() : nil
        var encoding = FeatureEncoding(try ModelCatalog().load(model, precision: weights))
        (encoding.scores, encoding.topCount, encoding.name) = (scores, topK, sourceName)
        let output = OutputSink()
        switch (isLive, out == "-") {
        case (false, false):
            try encoding.run(array: input, out: target, progress: Progress.ifTerminal("encode"))
        case (false, true): try encoding.run(array: input) { try output.write($0) }
        case (true, false): try encoding.runLines(interrupt: interrupt, out: target)
        case (true, true): try encoding.runLines(interrupt: interrupt) { try output.write($0) }
        }
    }
}
