import ArgumentParser
import ClassifierService

struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send any feature stream, audio or not, through a model's encoder.",
        discussion: """
            Examples:
              audio-classifierd encode --model keywords-en --features dog.npy --out logits.npy
            """)

    @Option(help: "A model's name or folder.")
    var model: String

    @Option(help: "A NumPy array of frames x features, float32 or float64.")
    var features: String

    @Option(help: "The .npy file to write: tokens x labels, float32 logits.")
    var out: String

    @OptionGroup(title: "Messages") var logging: LogArguments

    func run() throws {
        logging.start()
        let model = try ModelCatalog().load(model)
        try FeatureEncoding.run(model, features: features, out: out)
    }
}
