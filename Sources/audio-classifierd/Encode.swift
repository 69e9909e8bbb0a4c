internal import ArgumentParser
internal import AudioClassifier
import Glibc
internal import StreamTransformer

struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send any feature stream, audio or not, through a model's encoder.",
        discussion: """
            Features come from a NumPy array, or line by line from standard input: the numbers of a frame between spaces or commas. Logits go to
            a NumPy array, or scores to standard output, a JSON line a prediction, as soon as it is made. docs/feature-streams.md shows an
            example.

            Examples:
              audio-classifierd encode --model keywords-en --features dog.npy --out logits.npy
              audio-classifierd encode --model keywords-en --features dog.npy --scores probabilities
              camera-features | audio-classifierd encode --model actions --features -
            """)

    @Option(help: "A model's name or folder.")
    var model: String

    @Option(help: "How to keep the model's matrices: f16 and int8 are faster, and less exact.")
    var weights = WeightPrecision.float32

    @Option(help: "A NumPy array of frames x features, float32 or float64; or - for lines of standard input.")
    var features: String

    @Option(help: "The .npy file to write: tokens x labels, float32 logits; or - for lines on standard output.")
    var out = "-"

    @Option(help: "What a line says: the most probable labels, all logits, or all probabilities.")
    var scores = FeatureEncoding.Scores.top

    @Option(help: ArgumentHelp("How many of the most probable labels.", valueName: "labels"))
    var topK = 3

    @Option(help: "The stream's name in every line.")
    var sourceName = "features"

    @OptionGroup(title: "Messages") var logging: LogArguments

    func validate() throws {
        if topK < 1 { throw ValidationError("--top-k is at least 1.") }
    }

    func run() throws {
        logging.start()
        let isLive = features == "-"
        if isLive, isatty(STDIN_FILENO) != 0 {
            throw ClassifierError(
                .usage, code: "usage",
                "standard input is a terminal: pipe features into it, a frame a line, or name a file")
        }
        let interrupt = isLive ? StopSignal.install() : nil
        var encoding = FeatureEncoding(try ModelCatalog().load(model, precision: weights))
        (encoding.scores, encoding.topCount, encoding.name) = (scores, topK, sourceName)
        let output = OutputSink()
        switch (isLive, out == "-") {
        case (false, false):
            try encoding.run(array: features, out: out, progress: Progress.ifTerminal("encode"))
        case (false, true): try encoding.run(array: features) { try output.write($0) }
        case (true, false): try encoding.runLines(interrupt: interrupt, out: out)
        case (true, true): try encoding.runLines(interrupt: interrupt) { try output.write($0) }
        }
    }
}

extension FeatureEncoding.Scores: ExpressibleByArgument {}
