import ArgumentParser
import AudioClassifier
import AudioFrontend
import Logging
import StreamTransformer

struct ModelShow: SettableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what a model is: labels, licence, figures, architecture, front-end.",
        discussion: """
            Examples:
              audio-classifierd models show keywords-en
              audio-classifierd models show ./my-model
              audio-classifierd models show keywords-en --card
              audio-classifierd models show keywords-en --plot keywords-en.svg
            """)

    @Argument(help: "The model's name or folder.", completion: Completions.models)
    var name: String

    @Option(
        help: ArgumentHelp(
            """
            Draw what its card has to this SVG file: confusion matrices or each label's recall (accuracy), shares of \
            right labels and events (first_label, event_times, in_streams), reliability (calibration), thresholds \
            (threshold_curves).
            """,
            valueName: "file"), completion: .file(extensions: ["svg"]))
    var plot: String?

    @Flag(help: "Show all labels, and the whole card as JSON.")
    var card = false

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = ProgramSettings.logging

    func run() throws {
        logging.start()
        let model = try ModelCatalog().load(name)
        if let plot { try write(model, to: ProgramArguments.file(plot)) }
        try OutputSink().write(card ? ModelReport.whole(model) : ModelReport.show(model, named: name))
    }

    private func write(_ model: Model, to file: FileName) throws {
        let data = PlotData(model.configuration)
        guard !data.isEmpty else {
            let others = ModelReport.drawable(ModelCatalog())
            throw ClassifierError(
                .data, code: "plot",
                "\(data.title) has none of accuracy, first_label, event_times, in_streams, calibration and "
                    + "threshold_curves, which are drawn"
                    + (others.isEmpty ? "" : "; the cards of \(others.joined(separator: ", ")) have some")
                    + (model.configuration.frontend == nil
                        ? "; the model is for streams of features, which classifier-training evaluate-features measures"
                        : "; audio-classifierd evaluate DATA --model \(name) --plot FILE draws your recordings"))
        }
        let log = Logger(label: "audio-classifierd")
        for sentence in data.missing { log.notice("\(sentence)") }
        try OutputFiles.check(file, option: "--plot", kind: "svg")
        try WholeFile.write(Array(EvaluationPlot.svg(data).utf8), file)
    }
}
