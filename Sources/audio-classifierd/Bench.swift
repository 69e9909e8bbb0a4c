public import ArgumentParser
internal import AudioClassifier
internal import ModelBenchmark
public import StreamTransformer

struct Bench: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure each stage and each attention system on this machine.",
        discussion: """
            A time is of one call on one thread: a frame of the front-end, or a token through a whole model or through \
            encoder layers with a full window. The maximum of moving landmarks is a segment's end. --operations counts \
            multiply-adds instead of measuring.

            Examples:
              audio-classifierd bench
              audio-classifierd bench --attention continual-nystrom --window 120 \\
                  --window 1920
              audio-classifierd bench --attention continual --weights int8
              audio-classifierd bench --attention continual-nystrom --landmarks fixed \\
                  --window 120 --streams 64
              audio-classifierd bench --attention full --layers 2 --window 120
              audio-classifierd bench --model keywords-en --window 24 --window 480
              audio-classifierd bench --model general --window 32 --streams 64
              audio-classifierd bench --operations --layers 1 --layers 2
              audio-classifierd bench --operations --model keywords-en
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    @Option(help: "The format of the output.")
    var format = Format.table

    @Option(help: "Only this attention system.")
    var attention: AttentionSystem.Kind?

    @Option(help: "Only these landmarks of continual-nystrom.")
    var landmarks: EncoderConfiguration.LandmarkUpdate?

    @Option(help: "Only this depth, of two layers and more.")
    var depth: EncoderConfiguration.Depth?

    @Option(BenchSettings.layers) var layers: [Int]
    @Option(BenchSettings.windows) var window: [Int]
    @Option(ModelSettings.weights) var weights: WeightPrecision
    @Option(BenchSettings.streams) var streams: Int

    @Flag(help: "Print multiply-adds a step instead of times.")
    var operations = false

    @Option(
        help: "Measure also this model (a name or a folder), and layers like its.", completion: Completions.models)
    var model: String?

    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] = ProgramSettings.logging

    func run() throws {
        logging.start()
        var selection = AttentionSystem.Selection()
        (selection.kind, selection.landmarks, selection.depth) = (attention, landmarks, depth)
        selection.layers = layers
        let model = try model.map { try ModelCatalog().load($0, precision: weights) }
        if let model, layers.isEmpty { selection.layers = [model.configuration.encoder.layers] }
        if operations {
            let report = try OperationReport(selection, windows: window, model: model)
            return try OutputSink().write(format == .table ? report.table : report.json)
        }
        let benchmark = StageBenchmark(selection, windows: window, model: model, precision: weights, streams: streams)
        let progress = Progress.ifTerminal("bench")
        let rows = try benchmark.run { progress?.update($0, $1) }
        progress?.finish()
        try OutputSink().write(format == .table ? benchmark.table(rows) : StageBenchmark.json(rows))
    }
}

extension AttentionSystem.Kind: ExpressibleByArgument {}
extension EncoderConfiguration.LandmarkUpdate: ExpressibleByArgument {}
extension EncoderConfiguration.Depth: ExpressibleByArgument {}
